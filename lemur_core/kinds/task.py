"""Tasks: the contract.

A task's target is a class without arguments that is derived from `Task`. Its name is the first part
of a pipeline's name. Plugins register a task for what the core cannot know of it: which labels are
wrong, on what batch its nets can be tried, how a sample and what a net predicts are drawn. Each is
a method with a default that checks and draws nothing, so a task defines what it needs; nets of a
task that no plugin registers are trained all the same.

Contract tests use the task of the entry that they test: `Task.check_sample` for loaders,
`Task.batch` and `Task.check_outputs` for nets, `Task.check_pair` for transforms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lemur_core.errors import ContractError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from lemur_core.entry import Entry

Shape = tuple[int, ...]


class WrongLabel(NamedTuple):
    """A label that is no class.

    Attributes:
        value: The label.
        words: What is wrong with its sample, ``"is of class 12; expected 0 to 9"``.
    """

    value: int
    words: str


class Example(NamedTuple):
    """A sample and what a net predicts of it, on the CPU.

    Attributes:
        image: The net's input, not normalised: of images float, shape ``(channels, H, W)``.
        target: As the transform gives it.
        output: The net's, of this sample alone.
    """

    image: Tensor
    target: Any
    output: Any


@dataclass(frozen=True)
class Style:
    """How examples are drawn.

    Attributes:
        class_names: The name of each class; empty shows their numbers.
        score: Boxes of a lower score are not shown, 0 to 1.
    """

    class_names: Sequence[str] = ()
    score: float = 0.5

    def name(self, number: int) -> str:
        """Return what a class is called."""
        named = 0 <= number < len(self.class_names)
        return self.class_names[number] if named else str(number)


class Row(NamedTuple):
    """The pictures of an example, all of one size, and the classes that need a legend."""

    input: Image
    target: Image
    prediction: Image
    classes: set[int]


Draw = Callable[[Example, Style], Row]


class MakePair(Protocol):
    """Makes a transform whose targets lie in the image, and gives its method ``pair``."""

    def __call__(self, *, training: bool, seed: int) -> Callable[[Tensor, Any], tuple[Tensor, Any]]:
        """Return the method of a transform in training or evaluation mode, torch seeded."""


class Task:
    """What is known of a task.

    Attributes:
        drawer: Names the function that draws an `Example`, as ``"package.module:function"``. It
            takes the example and a `Style`, and returns a `Row`. Empty if nothing is drawn. The
            module is imported when something is drawn, so that it alone needs Pillow.
        in_image: Whether targets lie in the image and are moved with it, as masks and boxes are.
    """

    drawer: str = ""
    in_image: bool = False

    def wrong_label(self, target: Any, classes: int) -> WrongLabel | None:
        """Return the first label of a target that is no class; None if there is none.

        Args:
            target: A sample's, as the loader gives it.
            classes: The number of classes, the length of the only dimension of ``out_shape``.
        """
        return None

    def has_wrong_labels(self, targets: Tensor, classes: int) -> bool:
        """Return whether a label of many targets, those of samples in memory, is no class.

        It is asked first, so that targets are looked at one by one only where one is wrong.
        """
        return any(self.wrong_label(target, classes) is not None for target in targets)

    def batch(self, count: int, channels: int, size: int, dtype: Any) -> tuple[Any, Any, Shape]:
        """Return inputs, targets and ``out_shape`` for contract tests to try a net on.

        Args:
            count: The number of samples.
            channels: The number of channels of images; other inputs need not have any.
            size: The height and width of images, in pixels.
            dtype: The torch type of the inputs, float32 or complex64.

        Raises:
            NotImplementedError: The task says nothing of it; test classes then override
                `lemur_core.testing.nets.NetRules.batch`.
        """
        raise NotImplementedError

    def check_sample(self, inputs: Any, target: Any, out_shape: Shape) -> None:
        """Check a sample that a loader gives.

        Raises:
            ContractError: It is not what samples of the task are.
        """

    def check_outputs(self, outputs: Any, inputs: Any, targets: Any, out_shape: Shape) -> None:
        """Check what a net gives for a batch: one output of ``out_shape`` for each target.

        Raises:
            ContractError: It is something else.
        """
        expected = (len(inputs), *out_shape, *targets.shape[1:])
        given = getattr(outputs, "shape", None)
        if given != expected:
            told = type(outputs).__name__ if given is None else tuple(given)
            raise ContractError(f"maps {tuple(inputs.shape)} to {told}; expected {expected}")

    def nothing(self, image: Tensor) -> Any:
        """Return the target of an image with nothing in it, where targets lie in the image."""
        raise NotImplementedError

    def check_pair(self, make: MakePair, size: int) -> None:
        """Check a transform that moves targets with their image.

        Args:
            make: Makes the transform.
            size: The height and width that it gives, in pixels.

        Raises:
            ContractError: Targets are not where they should be, or not what they should be.
        """


def task_of(entry: Entry | None) -> Task | None:
    """Return the task of an entry; None where no plugin registers one.

    Raises:
        ContractError: The entry's target makes no `Task`.
        PluginError: It cannot be imported.
    """
    return None if entry is None else as_task(entry.load(), entry.name)


def as_task(target: Any, name: str) -> Task:
    """Return the task that an entry's target makes.

    Raises:
        ContractError: The target makes no `Task`.
    """
    task = target() if isinstance(target, type) else target
    if not isinstance(task, Task):
        raise ContractError(
            f"task {name!r}: its target is {target!r}; expected a class derived from "
            "lemur_core.kinds.task.Task"
        )
    return task
