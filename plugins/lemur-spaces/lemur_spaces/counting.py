"""Count the complexity of a net while it runs on torch's device ``meta``, without values.

The conventions are those of `lemur_spaces.complexity`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lemur_core.kinds.net import as_net
from lemur_spaces.complexity import NOTHING, Complexity, Images

if TYPE_CHECKING:
    from lemur_core import Entry
    from lemur_spaces.space import Design, Space

_COUNTED = (nn.Conv2d, nn.Linear, nn.MaxPool2d, nn.AvgPool2d)
# They return tensors of the shape of their input, and on the device `meta` they are slow.
_OF_SAME_SHAPE = (nn.BatchNorm2d, nn.ReLU)
_INITIALISERS = ("normal_", "uniform_", "zeros_", "ones_", "kaiming_normal_", "kaiming_uniform_")


def count_design(space: Space, net: Entry, design: Design, images: Images) -> Complexity:
    """Return the complexity of a design, counted in its net.

    Equal parts of the net, as the space states them, are counted in a net that has one of each.

    Args:
        space: The space.
        net: The entry of the space's net.
        design: A valid design.
        images: What the net is built for.
    """
    short, times = space.shorten(design) if space.shorten else (design, {})
    with without_initial_values(), torch.device("meta"):
        built = build(net, short, images)
    return count(built, images, times)


def build(net: Entry, design: Design, images: Images) -> nn.Module:
    """Return the net of a design, for images on the current default device of torch."""
    module = as_net(net.load(), net.name)
    declared: Any = module.hyperparameters()
    in_shape = (1, images.channels, images.px, images.px)
    prm = {**(declared if isinstance(declared, Mapping) else {}), **design}
    return module.net(in_shape, (images.classes,), prm, torch.device("cpu"))


def count(net: nn.Module, images: Images, times: Mapping[str, int] | None = None) -> Complexity:
    """Return the complexity of a net on the device ``meta``, for one image.

    Args:
        net: The net.
        images: What the net was built for.
        times: How often parts of the net count, by prefix of the names of their modules; the others
            count once.
    """
    parts: list[Complexity] = []
    with _hooks(net.eval(), times or {}, parts.append), torch.inference_mode():
        net(torch.empty(1, images.channels, images.px, images.px, device="meta"))
    return NOTHING.plus(*parts)


@contextmanager
def _hooks(
    net: nn.Module, times: Mapping[str, int], add: Callable[[Complexity], None]
) -> Iterator[None]:
    """Call ``add`` with the complexity of each layer of a net that runs in the block."""
    handles = []
    for name, module in net.named_modules():
        if next(module.children(), None) is None:
            repeats = next((n for prefix, n in times.items() if name.startswith(prefix)), 1)
            add(Complexity(_parameters(module) * repeats, 0, 0))
            if isinstance(module, _COUNTED):
                handles.append(module.register_forward_hook(_hook(repeats, add)))
            elif isinstance(module, _OF_SAME_SHAPE):
                vars(module)["forward"] = _same
    yield
    for handle in handles:
        handle.remove()


def _hook(repeats: int, add: Callable[[Complexity], None]) -> Any:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        macs = _macs(module, output)
        add(Complexity(0, macs, output.numel()).times(repeats))

    return hook


def _macs(module: nn.Module, output: Tensor) -> int:
    weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
    if weight is None:
        return 0
    pixels = output[0, 0].numel() if output.ndim == 4 else 1
    biases: int = 0 if bias is None else bias.numel()
    return int(weight.numel()) * pixels + biases


def _same(x: Tensor) -> Tensor:
    return x


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters(recurse=False))


@contextmanager
def without_initial_values() -> Iterator[None]:
    """Do not draw initial weights in the block: on the device ``meta``, they have no values."""
    own = {name: getattr(nn.init, name) for name in _INITIALISERS}
    try:
        for name in own:
            setattr(nn.init, name, lambda tensor, *_, **__: tensor)
        yield
    finally:
        for name, function in own.items():
            setattr(nn.init, name, function)
