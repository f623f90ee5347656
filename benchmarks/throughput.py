"""Images a second that nets are trained on, against torchvision's own classes in the same loop.

    python benchmarks/throughput.py [--seconds 20] [--nets ResNet,...] [--sizes 32,224] [--batch 32]

One training step of each in turns: forward, cross-entropy, backward, SGD with momentum, a batch of
images of 10 classes. Ratios are of the fastest steps, for what else the machine does only ever
adds. The peak of memory is that of a process of its own, which trains three steps.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

# torchvision's name of each, and what is said to it: nothing is left out at random by either.
NETS = {
    "ResNet": ("resnet18", lambda size: {}),
    "MobileNetV2": ("mobilenet_v2", lambda size: {"dropout": 0.0}),
    "VisionTransformer": ("vit_b_16", lambda size: {"image_size": size}),
    "ConvNeXt": ("convnext_small", lambda size: {"stochastic_depth_prob": 0.0}),
}
CLASSES = 10


def ours(name: str, size: int):
    import torch

    from lemur_core.kinds.net import as_net
    from lemur_core.registry import installed
    from lemur_core.space import of_net, smallest

    module = as_net(installed().get("net", name).load(), name)
    prm = smallest(of_net(module.hyperparameters()))
    return module.net((1, 3, size, size), (CLASSES,), prm, torch.device("cpu"))


def theirs(name: str, size: int):
    from torchvision import models

    called, options = NETS[name]
    return models.get_model(called, weights=None, num_classes=CLASSES, **options(size))


class Step:
    """A step of training, again and again on the same images."""

    def __init__(self, make, name: str, size: int, batch: int) -> None:
        import torch

        torch.manual_seed(0)
        self.net = make(name, size).train()
        self.optimizer = torch.optim.SGD(self.net.parameters(), 1e-3, momentum=0.9)
        self.images = torch.randn(batch, 3, size, size)
        self.targets = torch.arange(batch) % CLASSES

    def seconds(self) -> float:
        from torch.nn.functional import cross_entropy

        began = time.perf_counter()
        self.optimizer.zero_grad()
        cross_entropy(self.net(self.images), self.targets).backward()
        self.optimizer.step()
        return time.perf_counter() - began


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
    """Return the fastest step of ours and of theirs, in seconds; five of each at least."""
    import torch

    torch.set_num_threads(threads)
    steps = [Step(make, name, size, batch) for make in (ours, theirs)]
    first = max(step.seconds() for step in steps)
    rounds = max(5, int(seconds_each / first))
    seconds = [[step.seconds() for step in steps] for _ in range(rounds)]
    first, second = (min(each) for each in zip(*seconds, strict=True))
    return first, second


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20, help="of training, for each net")
    parser.add_argument("--nets", default=",".join(NETS))
    parser.add_argument("--sizes", default="32,224")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--peak", nargs=3, metavar=("WHICH", "NET", "SIZE"))
    options = parser.parse_args()
    if options.peak:
        which, name, size = options.peak
        print_peak(which, name, int(size), options.batch)
        return
    print("net                  px threads   ours /s theirs /s  speed  memory")
    for name in options.nets.split(","):
        for size in json.loads(f"[{options.sizes}]"):
            ours_mib, theirs_mib = (
                peak_mib(which, name, size, options.batch) for which in ("ours", "theirs")
            )
            for threads in json.loads(f"[{options.threads}]"):
                first, second = compare(name, size, options.batch, threads, options.seconds)
                print(
                    f"{name:<18}{size:>5}{threads:>8}{options.batch / first:9.1f}"
                    f"{options.batch / second:10.1f}{second / first:7.3f}"
                    f"{ours_mib / theirs_mib:8.3f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
