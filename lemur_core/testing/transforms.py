"""The rules of transforms."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lemur_core.entry import Entry
from lemur_core.kinds.loader import IGNORED
from lemur_core.kinds.transform import Normalisation, as_transform


class TransformRules:
    """A transform maps uint8 images to what nets are fed, and targets that lie in them too."""

    def test_transform_gives_what_nets_are_fed(self, transform: Entry) -> None:
        """Of the type and size that its entry promises, and finite."""
        for channels in (1, 3):
            for training in (True, False):
                images = _images(channels)
                fed = _fed(_made(transform, channels).train(training), images)
                size = transform.size or images.shape[-1]
                where = f"transform {transform.name!r}"
                assert fed.dtype == getattr(torch, transform.dtype), (
                    f"{where}: gives {fed.dtype}; its entry says {transform.dtype}"
                )
                assert fed.shape == (4, channels, size, size), (
                    f"{where}: maps {tuple(images.shape)} to {tuple(fed.shape)}; "
                    f"expected {(4, channels, size, size)}"
                )
                assert fed.isfinite().all(), f"{where}: gives values that are not finite"

    def test_transform_leaves_its_input_alone(self, transform: Entry) -> None:
        """The images are the data set's own."""
        images = _images(3)
        kept = images.clone()
        _fed(_made(transform, 3).train(), images)
        assert torch.equal(images, kept), f"transform {transform.name!r}: alters its input"

    def test_transform_draws_nothing_when_scoring(self, transform: Entry) -> None:
        """In evaluation the same image gives the same input."""
        made, images = _made(transform, 3).eval(), _images(3)
        assert torch.equal(_fed(made, images), _fed(made, images)), (
            f"transform {transform.name!r}: is random in eval(); draw in training only"
        )

    def test_transform_draws_from_the_global_seed(self, transform: Entry) -> None:
        """So that a trial's seed decides what its nets are fed."""
        made, images, fed = _made(transform, 3).train(), _images(3), []
        for _ in range(2):
            torch.manual_seed(0)
            fed.append(_fed(made, images))
        assert torch.equal(*fed), (
            f"transform {transform.name!r}: differs after the same torch.manual_seed"
        )

    def test_transform_invents_no_class(self, transform: Entry) -> None:
        """A mask is moved with its image, and each of its pixels has a class that was there."""
        made = _made(transform, 3).train()
        if not hasattr(made, "pair") or not transform.serves("img-segmentation"):
            return
        for image in _images(3):
            mask = torch.where(image[0] < 64, 0, torch.where(image[0] < 128, 7, IGNORED))
            pair: Any = made.pair
            fed, moved = pair(image, mask)
            where = f"transform {transform.name!r}"
            assert moved.dtype == torch.int64, f"{where}: gives a mask of {moved.dtype}"
            assert moved.shape == fed.shape[1:], (
                f"{where}: gives an input of {tuple(fed.shape)} and a mask of {tuple(moved.shape)}"
            )
            assert set(moved.unique().tolist()) <= {0, 7, IGNORED}, (
                f"{where}: makes classes of 0, 7 and {IGNORED} into {moved.unique().tolist()}; "
                "resize masks by the nearest pixel"
            )


def _fed(made: nn.Module, images: Tensor) -> Tensor:
    if not hasattr(made, "pair"):
        fed: Tensor = made(images)
        return fed
    masks = torch.zeros(len(images), *images.shape[2:], dtype=torch.int64)
    pair: Any = made.pair
    return torch.stack([pair(image, mask)[0] for image, mask in zip(images, masks, strict=True)])


def _images(channels: int) -> Tensor:
    drawn = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (4, channels, 28, 28), dtype=torch.uint8, generator=drawn)


def _made(transform: Entry, channels: int) -> nn.Module:
    normalisation = Normalisation((0.4,) * channels, (0.2,) * channels)
    return as_transform(transform.load(), normalisation, transform.name)
