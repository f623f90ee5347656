"""The contract of tasks.

A task's target is a class derived from `Task` whose constructor takes no arguments. The name of a
task is the first part of a pipeline's name. Plugins register a task to define what the core cannot
know: which labels are wrong, which batches its nets can be tested with, how samples and predictions
are drawn, and what the predictions for an image are. By default, the methods check, draw and
predict nothing, so a task only defines those that it needs. Nets can also be trained for a task
that no plugin registers.

Contract tests use the tasks of the tested entry: `Task.check_sample` for loaders, `Task.batch` and
`Task.check_outputs` for nets, `Task.check_pair` for transforms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lemur_core.errors import ContractError, SettingsError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from lemur_core.entry import Entry

Shape = tuple[int, ...]


class WrongLabel(NamedTuple):
    """A label that is not a class.

    Attributes:
        value: The label.
        words: What is wrong with its sample, for example ``"is of class 12; expected 0 to 9"``.
    """

    value: int
    words: str


class Example(NamedTuple):
    """A sample and a net's prediction for it, on the CPU.

    Attributes:
        image: The net's input, not normalised; for images float, shape ``(channels, H, W)``.
        target: The target that the transform returned.
        output: The net's output for this sample.
    """

    image: Tensor
    target: Any
    output: Any


class ImageOutput(NamedTuple):
    """A net's output for an image without a label, on the CPU.

    Attributes:
        output: The net's output for this image.
        target: The target that `Task.probe` gave the image, as its transform moved it; None if the
            transform has no ``pair``.
        image_size: Height and width of the image in pixels.
        input_size: Height and width of the net's input.
    """

    output: Any
    target: Any
    image_size: tuple[int, int]
    input_size: tuple[int, int]


@dataclass(frozen=True)
class Style:
    """How examples are drawn and predictions are listed.

    Attributes:
        class_names: The name of each class; empty to show class numbers.
        score: Boxes with a lower score are not shown, 0 to 1.
        top: Number of classes to list for an image in classification, at least 1.

    Raises:
        SettingsError: A number is outside its range.
    """

    class_names: Sequence[str] = ()
    score: float = 0.5
    top: int = 3

    def __post_init__(self) -> None:
        if not 0 <= self.score <= 1:
            raise SettingsError(f"score is {self.score:g}; give a number from 0 to 1")
        if self.top < 1:
            raise SettingsError(f"top is {self.top}; give a whole number of at least 1")

    def name(self, number: int) -> str:
        """Return the name of a class, or its number if it has no name."""
        has_name = 0 <= number < len(self.class_names)
        return self.class_names[number] if has_name else str(number)


class Row(NamedTuple):
    """The pictures of an example, all of the same size, and the classes to list in the legend."""

    input: Image
    target: Image
    prediction: Image
    classes: set[int]


Draw = Callable[[Example, Style], Row]


class MakePair(Protocol):
    """Makes a transform of image and target, and returns its method ``pair``."""

    def __call__(self, *, training: bool, seed: int) -> Callable[[Tensor, Any], tuple[Tensor, Any]]:
        """Seed torch and return ``pair`` of a transform in training or evaluation mode."""


class Task:
    """The definition of a task.

    Attributes:
        drawer: The function that draws an `Example`, as ``"package.module:function"``. It takes the
            example and a `Style`, and returns a `Row`. Empty if nothing is drawn. The module is
            only imported for drawing, so no other module needs Pillow.
        in_image: Whether targets are positions in the image, such as masks and boxes, which
            transforms must move with the image.
        one_class: Whether a target is one class index for the whole sample, and an output one value
            per class, so that predictions can be counted in a confusion matrix.
        columns: Names of the values in each of the `rows` of a prediction, in order. Empty if
            images are not predicted.
    """

    drawer: str = ""
    in_image: bool = False
    one_class: bool = False
    columns: Sequence[str] = ()

    def wrong_label(self, target: Any, classes: int) -> WrongLabel | None:
        """Return the first label of a target that is not a class; None if there is none.

        Args:
            target: The target of a sample, as returned by the loader.
            classes: The number of classes, the length of the only dimension of ``out_shape``.
        """
        return None

    def has_wrong_labels(self, targets: Tensor, classes: int) -> bool:
        """Return whether any label of many targets, those of samples in memory, is not a class.

        It is called before `wrong_label`, which then only has to search the targets if one of them
        is wrong.
        """
        return any(self.wrong_label(target, classes) is not None for target in targets)

    def batch(self, count: int, channels: int, size: int, dtype: Any) -> tuple[Any, Any, Shape]:
        """Return inputs, targets and ``out_shape`` with which contract tests test a net.

        Args:
            count: The number of samples.
            channels: The number of channels of images; other inputs may ignore it.
            size: The height and width of images, in pixels.
            dtype: The torch type of the inputs, float32 or complex64.

        Raises:
            NotImplementedError: The task does not define it. Test classes must then override
                `lemur_core.testing.nets.NetRules.batch`.
        """
        raise NotImplementedError

    def check_sample(self, inputs: Any, target: Any, out_shape: Shape) -> None:
        """Check a sample of a loader.

        Raises:
            ContractError: It is not a valid sample of the task.
        """

    def check_outputs(self, outputs: Any, inputs: Any, targets: Any, out_shape: Shape) -> None:
        """Check that a net returns one output of ``out_shape`` for each target of a batch.

        Raises:
            ContractError: The outputs have another type or shape.
        """
        expected = (len(inputs), *out_shape, *targets.shape[1:])
        shape = getattr(outputs, "shape", None)
        if shape != expected:
            actual = type(outputs).__name__ if shape is None else tuple(shape)
            raise ContractError(f"maps {tuple(inputs.shape)} to {actual}; expected {expected}")

    def empty_target(self, image: Tensor) -> Any:
        """Return the target of an image without any object, if `in_image`."""
        raise NotImplementedError

    def probe(self, image: Tensor) -> Any:
        """Return a target for an image without a label, if `in_image`.

        The transform moves it with the image, which tells `rows` where the image is in the input.
        By default, this is the target without any object.
        """
        return self.empty_target(image)

    def rows(self, predicted: ImageOutput, style: Style) -> list[dict[str, Any]]:
        """Return the prediction for an image as rows of a table, each with the values of `columns`.

        Args:
            predicted: The net's output.
            style: The names of the classes, and which predictions are left out.

        Returns:
            The rows, with strings, numbers and None as values; positions are pixels of the image.

        Raises:
            MisfitError: The output cannot be placed in the image.
        """
        raise NotImplementedError

    def check_pair(self, make: MakePair, size: int) -> None:
        """Check a transform that moves targets with their image.

        Args:
            make: Makes the transform.
            size: The height and width of the transformed images, in pixels.

        Raises:
            ContractError: A target is in the wrong position or otherwise wrong.
        """


def task_of(entry: Entry | None) -> Task | None:
    """Return the task of an entry; None if there is no entry.

    Raises:
        ContractError: The entry's target is not a `Task`.
        PluginError: The entry's target cannot be imported.
    """
    return None if entry is None else as_task(entry.load(), entry.name)


def as_task(target: Any, name: str) -> Task:
    """Return the task that an entry's target makes.

    Raises:
        ContractError: The target is neither a class derived from `Task` nor an instance of one.
    """
    task = target() if isinstance(target, type) else target
    if not isinstance(task, Task):
        raise ContractError(
            f"task {name!r}: its target is {target!r}; expected a class derived from "
            "lemur_core.kinds.task.Task"
        )
    return task
