"""A zoo in the published layout, with its traps, and what reads it."""

import json

import torch
from torch import nn

from lemur_zoo import Zoo
from lemur_zoo.layout.reading import import_published


class PublishedNet(nn.Module):
    """The small net as it was published, whose dropout modules shift the numbers of the layers."""

    def __init__(self, channels, activation, dropout):
        super().__init__()
        maybe = [nn.Dropout(dropout)] if dropout > 0 else []
        self.module_list = nn.ModuleList([
            nn.Conv2d(channels, 8, 5), nn.MaxPool2d(2, 2), activation(), *maybe,
            nn.Conv2d(8, 6, 5), nn.MaxPool2d(2, 2), activation(), *maybe,
            nn.Conv2d(6, 4, 2), activation(), nn.Flatten(),
            nn.Linear(36, 20), activation(), *maybe, nn.Linear(20, 10),
        ])  # fmt: skip

    def forward(self, x):
        for layer in self.module_list:
            x = layer(x)
        return x


PARAMS = {
    "model::type": "CNN", "model::channels_in": 1, "model::o_dim": 10, "model::nlin": "tanh",
    "model::init_type": "uniform", "optim::optimizer": "adam", "optim::lr": 3e-4,
    "optim::wd": 0, "optim::momentum": 0.9, "training::batchsize": 10, "cuda": False,
}  # fmt: skip


def row(iteration, config, **others):
    measured = {"test_loss": 2.0 - iteration, "test_acc": 0.1 + 0.2 * iteration}
    trained = {"train_loss": -999, "train_acc": -999}
    if iteration:
        trained = {"train_loss": 1.9 - iteration, "train_acc": 0.2 * iteration}
    return json.dumps({
        **trained, **measured, "training_iteration": iteration, "pid": 7, "time_total_s": 1.5,
        "trial_id": "a", "config": config, **others,
    })  # fmt: skip


def write_member(folder, net, config, epochs, form="checkpoint_{:06}", **others):
    folder.mkdir(parents=True)
    (folder / "params.json").write_text(json.dumps(config))
    (folder / "result.json").write_text(
        "".join(f"{row(epoch, config, **others)}\n" for epoch in epochs)
    )
    states = []
    for epoch in epochs:
        with torch.no_grad():
            for value in net.parameters():
                value.add_(0.01)
        place = folder / form.format(epoch)
        place.mkdir()
        states.append({name: value.clone() for name, value in net.state_dict().items()})
        torch.save(states[-1], place / "checkpoints")
    return states


def write_published(root):
    """Write three members: one without dropout, one with it, and one that lacks its last epoch."""
    torch.manual_seed(1)
    plain, shifted = PublishedNet(1, nn.Tanh, 0), PublishedNet(1, nn.GELU, 0.5)
    states = [
        write_member(root / "NN_b", plain, {**PARAMS, "seed": 4, "model::dropout": 0}, (0, 1, 2)),
        write_member(
            root / "NN_a",
            shifted,
            {**PARAMS, "seed": 5, "model::dropout": 0.5, "model::nlin": "gelu"},
            (0, 1, 2),
            "checkpoint_{}",
            hessian_trace=3.5,
            done=False,
        ),
        write_member(root / "NN_c", plain, {**PARAMS, "seed": 6}, (0, 1)),
    ]
    index = {
        "layer": [[0, "conv2d"], [3, "conv2d"], [6, "conv2d"], [9, "fc"], [11, "fc"]],
        "trainset": ["/somewhere/else/NN_b"], "valset": ["/somewhere/else/NN_c/"],
        "testset": ["NN_a"],
    }  # fmt: skip
    (root / "index_dict.json").write_text(json.dumps(index))
    return root, states


def read(published, tmp_path, name="read"):
    import_published(published[0], tmp_path / name, "digits")
    return Zoo(tmp_path / name)


def rewrite(file, change):
    rows = [change(json.loads(line)) for line in file.read_text().splitlines()]
    file.write_text("".join(f"{json.dumps(values)}\n" for values in rows))


def save_optimizer(folder, net, kind, steps):
    optimizer = kind(net.parameters())
    for _ in range(steps):
        net(torch.randn(2, 1, 28, 28)).square().sum().backward()
        optimizer.step()
    torch.save(optimizer.state_dict(), folder / "optimizer")
    return optimizer.state_dict()["state"]
