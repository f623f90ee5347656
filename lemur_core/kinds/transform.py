"""The contract of transforms.

A transform's target is a callable that takes a `Normalisation` and returns a `torch.nn.Module`. The
module maps a batch of images, uint8, shape ``(batch, channels, height, width)``, to the inputs of
the net, float32 (or complex64), shape ``(batch, channels, size, size)``.

Random numbers are drawn for each image from torch's global generator, and only in training mode:
the runner calls ``transform.train()`` for training batches and ``transform.eval()`` for batches
that are scored. The runner seeds torch's generator before each image that is transformed on its
own, from the trial's seed, the epoch and the sample, and before each whole batch in memory, from
the number of the batch instead of the sample. It seeds Python's and numpy's generators for each
batch that is loaded from files and for each epoch. A transform that uses these generators therefore
draws the same numbers wherever samples are loaded, and when a trial resumes.

If targets are positions in the image, such as masks or boxes, the transform has a method
``pair(image, target)`` instead of ``forward``. It takes one sample, an image, uint8, shape
``(channels, height, width)``, and its target as returned by the loader. It returns the input of the
net, float32, shape ``(channels, size, size)``, and the target moved with the image. Image, mask and
boxes use the same grid: masks are resized by ``nearest-exact``, because ``nearest`` moves them by
up to half a pixel.

A transform that mixes images with each other also has a method ``mix(inputs, targets, out_shape)``.
It takes each training batch, on the net's device and after ``forward``, and returns the batch that
the net learns from. For classification, the targets are then the probability of each class,
float32, shape ``(batch, classes)``.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor, nn

from lemur_core.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SIZE = re.compile("[1-9][0-9]{0,4}")  # pixels


class Normalisation(NamedTuple):
    """The mean and standard deviation of each channel, for values scaled to 0 to 1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def identity(channels: int) -> Normalisation:
    """Return the normalisation that changes nothing.

    >>> identity(2)
    Normalisation(mean=(0.0, 0.0), std=(1.0, 1.0))
    """
    return Normalisation((0.0,) * channels, (1.0,) * channels)


class Untouched(nn.Module):
    """Returns inputs of any kind unchanged: the transform ``none``."""

    def __init__(self, normalisation: Normalisation) -> None:
        super().__init__()

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the inputs."""
        return inputs


def by_size(families: Mapping[str, Callable[..., nn.Module]]) -> Callable[[str], Any]:
    """Return a ``__getattr__`` for a module that gives it transforms of any size.

    After ``__getattr__ = by_size({"norm_N": Norm})``, the module's attribute ``norm_48`` is
    ``partial(Norm, size=48)``. An entry declares the sizes that its plugin allows; see
    `lemur_core.Entry.sizes`.

    Args:
        families: The transforms, by their names with ``N`` for the size.
    """

    def get(name: str) -> Any:
        for size in _SIZE.findall(name):
            if (family := re.sub(rf"(?<!\d){size}(?!\d)", "N", name)) in families:
                return partial(families[family], size=int(size))
        raise AttributeError(f"there is no {name!r}")

    return get


def as_transform(target: Any, normalisation: Normalisation, name: str) -> nn.Module:
    """Return the transform for a dataset with this normalisation.

    Raises:
        ContractError: The target cannot be called, or does not return a module.
    """
    if not callable(target):
        raise ContractError(f"transform {name!r}: its target cannot be called with a normalisation")
    transform = target(normalisation)
    if not isinstance(transform, nn.Module):
        raise ContractError(
            f"transform {name!r}: gives {type(transform).__name__}; expected a torch.nn.Module"
        )
    return transform
