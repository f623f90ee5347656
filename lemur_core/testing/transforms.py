"""The rules of transforms."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lemur_core.errors import ContractError
from lemur_core.kinds.transform import Normalisation, as_transform
from lemur_core.testing.tasks import RegisteredTasks

if TYPE_CHECKING:
    from lemur_core.entry import Entry
    from lemur_core.kinds.task import Task

# The height and width, in pixels, of test images for a transform that does not change the size.
_SIZE = 64


class TransformRules(RegisteredTasks):
    """A transform maps uint8 images to inputs of nets, and moves targets with their images.

    A transform whose entry is ``ready`` returns any inputs unchanged.
    """

    def test_transform_gives_what_nets_are_fed(self, transform: Entry) -> None:
        """Its outputs have the type and size that its entry declares, and are finite."""
        if transform.ready:
            images = _images(3)
            assert torch.equal(self._apply(transform, _make(transform, 3), images), images), (
                f"transform {transform.name!r}: changes its inputs; its entry says ready"
            )
            return
        for channels in (1, 3):
            for training in (True, False):
                images = _images(channels)
                fed = self._apply(transform, _make(transform, channels).train(training), images)
                size = transform.size or images.shape[-1]
                subject = f"transform {transform.name!r}"
                assert fed.dtype == getattr(torch, transform.dtype), (
                    f"{subject}: gives {fed.dtype}; its entry says {transform.dtype}"
                )
                assert fed.shape == (4, channels, size, size), (
                    f"{subject}: maps {tuple(images.shape)} to {tuple(fed.shape)}; "
                    f"expected {(4, channels, size, size)}"
                )
                assert fed.isfinite().all(), f"{subject}: gives values that are not finite"

    def test_transform_exists_in_other_sizes(self, transform: Entry) -> None:
        """It exists in the smallest size that its entry declares, and in sizes of any number."""
        if transform.sizes is None:
            return
        least, most = transform.sizes
        for size in (least, min(least + 13, most)):
            self.test_transform_gives_what_nets_are_fed(transform.at_size(size))

    def test_transform_leaves_its_input_alone(self, transform: Entry) -> None:
        """It does not change the images in place, because they belong to the dataset."""
        images = _images(3)
        before = images.clone()
        self._apply(transform, _make(transform, 3).train(), images)
        assert torch.equal(images, before), f"transform {transform.name!r}: alters its input"

    def test_transform_draws_nothing_when_scoring(self, transform: Entry) -> None:
        """In evaluation mode, the same image gives the same input."""
        made, images = _make(transform, 3).eval(), _images(3)
        assert torch.equal(
            self._apply(transform, made, images), self._apply(transform, made, images)
        ), f"transform {transform.name!r}: is random in eval(); draw in training only"

    def test_transform_draws_from_the_global_seed(self, transform: Entry) -> None:
        """Its random numbers depend only on torch's global seed, and so on the trial's seed."""
        made, images, fed = _make(transform, 3).train(), _images(3), []
        for _ in range(2):
            torch.manual_seed(0)
            fed.append(self._apply(transform, made, images))
        assert torch.equal(*fed), (
            f"transform {transform.name!r}: differs after the same torch.manual_seed"
        )

    def test_transform_draws_random_numbers_as_declared(self, transform: Entry) -> None:
        """It draws random numbers in training, or mixes images, if its entry says ``random``."""
        made, before = _make(transform, 3).train(), _random_states()
        self._apply(transform, made, _images(3))
        draws = _random_states() != before or hasattr(made, "mix")
        assert draws == transform.random, (
            f"transform {transform.name!r}: its entry says random={transform.random}, but in "
            f"training it {'draws' if draws else 'does not draw'} random numbers"
        )

    def test_transform_moves_targets_with_their_image(self, transform: Entry) -> None:
        """Masks and boxes stay aligned with the objects, as the tasks with such targets check."""
        if not hasattr(_make(transform, 3), "pair"):
            return
        for task in self._tasks_in_image(transform):
            try:
                task.check_pair(partial(_pair, transform), transform.size or _SIZE)
            except ContractError as error:
                raise AssertionError(f"transform {transform.name!r}: {error}") from None

    def _tasks_in_image(self, transform: Entry) -> list[Task]:
        return [task for task in self.tasks_of(transform).values() if task.in_image]

    def _apply(self, transform: Entry, made: nn.Module, images: Tensor) -> Tensor:
        if not hasattr(made, "pair"):
            fed: Tensor = made(images)
            return fed
        task = next(iter(self._tasks_in_image(transform)), None)
        if task is None:
            pytest.fail(
                f"transform {transform.name!r}: has pair(), and no task that it serves has targets "
                "in the image; register the task"
            )
        pair: Any = made.pair
        return torch.stack([pair(image, task.empty_target(image))[0] for image in images])


def _pair(transform: Entry, *, training: bool, seed: int) -> Any:
    made: Any = _make(transform, 3).train(training)
    torch.manual_seed(seed)
    return made.pair


def _random_states() -> list[object]:
    """Return the states of the global generators from which a transform may draw."""
    return [torch.get_rng_state().tolist(), random.getstate(), repr(np.random.get_state())]


def _images(channels: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (4, channels, 28, 28), dtype=torch.uint8, generator=generator)


def _make(transform: Entry, channels: int) -> nn.Module:
    normalisation = Normalisation((0.4,) * channels, (0.2,) * channels)
    return as_transform(transform.load(), normalisation, transform.name)
