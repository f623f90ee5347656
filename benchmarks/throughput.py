"""Images per second in training, compared with torchvision's classes in the same loop.

    python benchmarks/throughput.py [--seconds 20] [--nets ResNet,...] [--sizes 32,224] [--batch 32]

Both nets take training steps in turns: forward, loss, backward, and SGD with momentum, on a batch
of images; batches are smaller for segmentation and detection. Ratios are those of the fastest
steps, because other load can only add to them. The peak memory is that of a separate process that
trains three steps.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any


class Classification:
    """Images with one class each."""

    classes, batch = 10, 32

    @classmethod
    def data(cls, batch: int, size: int):
        import torch

        return torch.randn(batch, 3, size, size), torch.arange(batch) % cls.classes

    @staticmethod
    def loss(net, images, targets):
        from torch.nn.functional import cross_entropy

        outputs = net(images)
        # torchvision's segmentation nets return a dictionary.
        return cross_entropy(outputs["out"] if isinstance(outputs, dict) else outputs, targets)


class Segmentation(Classification):
    """Images with a class for each pixel."""

    classes, batch = 6, 4

    @classmethod
    def data(cls, batch: int, size: int):
        import torch

        targets = torch.arange(batch * size * size) % cls.classes
        return torch.randn(batch, 3, size, size), targets.reshape(batch, size, size)


class Detection(Classification):
    """Images with objects; the net computes its losses itself."""

    classes, batch = 6, 8

    @classmethod
    def data(cls, batch: int, size: int):
        import torch

        corners = torch.rand(batch, 10, 2) * size / 2
        boxes = torch.cat([corners, corners + (0.1 + torch.rand(batch, 10, 2)) * size / 3], dim=2)
        labels = 1 + torch.arange(10) % (cls.classes - 1)
        targets = [{"boxes": image_boxes, "labels": labels} for image_boxes in boxes]
        return torch.randn(batch, 3, size, size), targets

    @staticmethod
    def loss(net, images, targets):
        return sum(net(images, targets).values())


@dataclass(frozen=True)
class Rival:
    """torchvision's counterpart of a net.

    Attributes:
        name: Its name in torchvision.
        options: Its arguments.
        sized: Whether the size of images is one of its arguments.
        task: The task that both are trained for.
        size: The image size to which the nets resize; None if they do not resize.
    """

    name: str
    options: dict[str, Any]
    sized: bool = False
    task: type[Classification] = Classification
    size: int | None = None


NETS = {
    "ResNet": Rival("resnet18", {}),
    "MobileNetV2": Rival("mobilenet_v2", {}),
    "VisionTransformer": Rival("vit_b_16", {}, sized=True),
    "ConvNeXt": Rival("convnext_small", {"stochastic_depth_prob": 0.0}),
    "FCN32s-1": Rival("fcn_resnet50", {"weights_backbone": None}, task=Segmentation),
    "SSDLite": Rival(
        "ssdlite320_mobilenet_v3_large",
        {"weights_backbone": None, "image_mean": [0.0] * 3, "image_std": [1.0] * 3},
        task=Detection,
        size=320,
    ),
}


def ours(name: str, size: int):
    import torch

    from lemur_core.kinds.net import as_net
    from lemur_core.registry import installed
    from lemur_core.space import net_space
    from lemur_core.values import smallest

    module = as_net(installed().get("net", name).load(), name)
    prm = smallest(net_space(module.hyperparameters()))
    classes = NETS[name].task.classes
    return module.net((1, 3, size, size), (classes,), prm, torch.device("cpu"))


def theirs(name: str, size: int):
    from torchvision import models

    rival = NETS[name]
    options = rival.options | ({"image_size": size} if rival.sized else {})
    return models.get_model(rival.name, weights=None, num_classes=rival.task.classes, **options)


class Step:
    """A training step, repeated with the same images."""

    def __init__(self, make, name: str, size: int, batch: int) -> None:
        import torch

        torch.manual_seed(0)
        self.task = NETS[name].task
        self.net = make(name, size).train()
        for module in self.net.modules():
            # Disable dropout in both nets.
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        self.optimizer = torch.optim.SGD(self.net.parameters(), 1e-3, momentum=0.9)
        self.data = self.task.data(batch, size)

    def seconds(self) -> float:
        started = time.perf_counter()
        self.optimizer.zero_grad()
        self.task.loss(self.net, *self.data).backward()
        self.optimizer.step()
        return time.perf_counter() - started


def peak_mib(which: str, name: str, size: int, batch: int) -> float:
    command = [sys.executable, __file__, "--batch", str(batch), "--peak", which, name, str(size)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_peak(which: str, name: str, size: int, batch: int) -> None:
    import torch

    torch.set_num_threads(1)
    step = Step({"ours": ours, "theirs": theirs}[which], name, size, batch)
    for _ in range(3):
        step.seconds()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def compare(
    name: str, size: int, batch: int, threads: int, seconds_each: float
) -> tuple[float, float]:
    """Return the seconds of our and their fastest step, of at least five each."""
    import torch

    torch.set_num_threads(threads)
    steps = [Step(make, name, size, batch) for make in (ours, theirs)]
    first = max(step.seconds() for step in steps)
    rounds = max(5, int(seconds_each / first))
    seconds = [[step.seconds() for step in steps] for _ in range(rounds)]
    first, second = (min(times) for times in zip(*seconds, strict=True))
    return first, second


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--seconds", type=float, default=20, help="Seconds of training for each net."
    )
    parser.add_argument("--nets", default=",".join(NETS))
    parser.add_argument("--sizes", default="32,224")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--batch", type=int, help="Images per batch; by default those of the task.")
    parser.add_argument("--peak", nargs=3, metavar=("WHICH", "NET", "SIZE"))
    options = parser.parse_args()
    if options.peak:
        which, name, size = options.peak
        print_peak(which, name, int(size), options.batch)
        return
    print("net                  px threads   ours /s theirs /s  speed  memory")
    for name in options.nets.split(","):
        batch = options.batch or NETS[name].task.batch
        only = NETS[name].size
        for size in [only] if only else json.loads(f"[{options.sizes}]"):
            ours_mib, theirs_mib = (
                peak_mib(which, name, size, batch) for which in ("ours", "theirs")
            )
            for threads in json.loads(f"[{options.threads}]"):
                first, second = compare(name, size, batch, threads, options.seconds)
                print(
                    f"{name:<18}{size:>5}{threads:>8}{batch / first:9.1f}"
                    f"{batch / second:10.1f}{second / first:7.3f}"
                    f"{ours_mib / theirs_mib:8.3f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
