"""Count the complexity of a net while it runs on torch's device ``meta``, without values.

The conventions are those of `lemur_spaces.complexity`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from lemur_core.kinds.net import as_net
from lemur_spaces.complexity import Complexity, Images

if TYPE_CHECKING:
    from lemur_core import Entry
    from lemur_spaces.space import Design, Space

_WEIGHED = (torch.conv2d, functional.linear)
_POOLING = (
    torch.max_pool2d,
    functional.max_pool2d,
    functional.max_pool2d_with_indices,
    functional.avg_pool2d,
)
# Their result has the shape of their first argument. On the device `meta`, they are slow.
_OF_SAME_SHAPE = (
    torch.batch_norm,
    functional.batch_norm,
    torch.relu,
    torch.relu_,
    functional.relu,
)
_SUMS = (Tensor.add, Tensor.__add__, torch.add)
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
    """Return the net of a design, on the current default device of torch."""
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
        times: How often parts of the net count, by prefix of the names of their parameters; the
            others, and poolings in any part, count once.
    """
    counter = _Counter(net, times or {})
    with torch.inference_mode(), counter:
        net.eval()(torch.empty(1, images.channels, images.px, images.px, device="meta"))
    return Complexity(counter.parameters, counter.macs, counter.activations)


class _Counter(TorchFunctionMode):
    """Counts the calls of torch's functions in the block.

    Args:
        net: The net that runs in the block.
        times: See `count`.
    """

    def __init__(self, net: nn.Module, times: Mapping[str, int]) -> None:
        super().__init__()
        self.parameters = self.macs = self.activations = 0
        self._times: dict[int, int] = {}
        for name, parameter in net.named_parameters():
            repeats = next((n for prefix, n in times.items() if name.startswith(prefix)), 1)
            self._times[id(parameter)] = repeats
            self.parameters += repeats * parameter.numel()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func in _OF_SAME_SHAPE or (func in _SUMS and _equal_shapes(*args[:2])):
            return args[0]
        output = func(*args, **(kwargs or {}))
        if func in _WEIGHED:
            given = dict(zip(("input", "weight", "bias"), args, strict=False)) | (kwargs or {})
            self._add_layer(output, given["weight"], given.get("bias"))
        elif func in _POOLING:
            self.activations += output.numel()
        return output

    def _add_layer(self, output: Tensor, weight: Tensor, bias: Tensor | None) -> None:
        repeats = self._times[id(weight)]
        pixels = output[0, 0].numel() if output.ndim == 4 else 1
        biases = 0 if bias is None else bias.numel()
        self.macs += repeats * (weight.numel() * pixels + biases)
        self.activations += repeats * output.numel()


def _equal_shapes(*operands: Any) -> bool:
    return len({tuple(getattr(operand, "shape", ())) for operand in operands}) == 1


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
