"""Transforms: the contract.

A transform's target is a callable that takes a `Normalisation` and returns a `torch.nn.Module`. It
maps a batch of images, uint8 of shape ``(batch, channels, height, width)``, to what the net is fed,
float32 (or complex64) of shape ``(batch, channels, size, size)``.

Randomness is drawn per image, from torch's global generator, and only in training mode: the runner
calls ``transform.train()`` for training batches and ``transform.eval()`` for those that are scored.
Torch's generator is seeded from the trial's seed, the epoch and the sample before each image that
is transformed on its own, and from the batch's number before a whole batch in memory. Python's and
numpy's generators are seeded for each batch that is loaded from files, and for each epoch. So a
transform that draws from these draws the same wherever samples are loaded, and when a trial
resumes.

One for targets that lie in the image, masks or boxes, has a method ``pair(image, target)`` instead
of ``forward``. It is given one sample, an image uint8 of shape ``(channels, height, width)`` and
its target as the loader gives it, and returns the net's input, float32 of shape
``(channels, size, size)``, and the target that was moved with it. Image, mask and boxes share one
grid: a mask is resized by ``nearest-exact``, as ``nearest`` moves it up to half a pixel.

One that mixes images with each other has a method ``mix(inputs, targets, out_shape)`` too. It is
given each training batch, on the net's device and after ``forward``, and returns the batch that the
net learns from: for classification, targets are then the probability of each class, float32,
``(batch, classes)``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor, nn

from lemur_core.errors import ContractError


class Normalisation(NamedTuple):
    """Mean and standard deviation of each channel, of values scaled to 0 to 1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def identity(channels: int) -> Normalisation:
    """Return the normalisation that changes nothing.

    >>> identity(2)
    Normalisation(mean=(0.0, 0.0), std=(1.0, 1.0))
    """
    return Normalisation((0.0,) * channels, (1.0,) * channels)


class Untouched(nn.Module):
    """Gives inputs as they are, whatever they are: the transform ``none``."""

    def __init__(self, normalisation: Normalisation) -> None:
        super().__init__()

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the inputs."""
        return inputs


def as_transform(target: Any, normalisation: Normalisation, name: str) -> nn.Module:
    """Return the transform for a data set of this normalisation.

    Raises:
        ContractError: The target cannot be called, or gives no module.
    """
    if not callable(target):
        raise ContractError(f"transform {name!r}: its target cannot be called with a normalisation")
    transform = target(normalisation)
    if not isinstance(transform, nn.Module):
        raise ContractError(
            f"transform {name!r}: gives {type(transform).__name__}; expected a torch.nn.Module"
        )
    return transform
