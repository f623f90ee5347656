"""What the nets of JAX and Keras have in common: the methods that lemur asks of a foreign net."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lemur_core.kinds.net import build_scheduler
from lemur_twins.backends.layouts import flattened_inputs, layouts_of
from lemur_twins.conventions import Conventions
from lemur_twins.frameworks import use
from lemur_twins.hyperparameters import OptimizerSettings
from lemur_twins.weights import ArrayLayout, WeightMap, is_buffer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from lemur_core.kinds.net import Prm, Shape, TrainData

    Array = NDArray[Any]
    Arrays = Mapping[str, Array]

_IMAGE_AXES = 4


class ForeignClassifier(ABC):
    """A classifier in another framework than PyTorch, trained with cross-entropy.

    Its weights are read and written in PyTorch's layout and under PyTorch's names, so that a file
    of weights is that of any twin.

    Attributes:
        framework: Name of the framework.
        reference: The class of the PyTorch twin; None if the net is defined otherwise there. Its
            weights then have the framework's own layout.
        conventions: Which of the framework's conventions are PyTorch's.
    """

    framework: str
    reference: ClassVar[Callable[..., nn.Module] | None] = None

    def __init__(self, in_shape: Shape, out_shape: Shape, prm: Prm, device: torch.device) -> None:
        use(self.framework)
        self.conventions = Conventions(self.framework, prm.get("match", "none"))
        # Before anything else is drawn: these are the numbers that the PyTorch twin draws.
        initial = None
        if self.reference is not None and self.conventions.matches("initialisers"):
            initial = _arrays_of(self.reference(in_shape, out_shape, prm, torch.device("cpu")))
        self._build(in_shape, out_shape, prm)
        self._from_twin = self._weight_map(in_shape, out_shape, prm)
        self._to_twin = self._from_twin.inverse()
        if initial is not None:
            self.load_arrays(initial)
        self._schedule: tuple[torch.optim.Optimizer, Any] | None = None

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return logits, float32, shape ``(batch, classes)``, as evaluation computes them.

        Args:
            inputs: float32, shape ``(batch, channels, height, width)``.
        """
        return torch.from_numpy(np.array(self._logits(channels_last(inputs))))

    def train_setup(self, prm: Prm) -> None:
        """Build the optimizer and the schedule of the learning rate from ``prm``."""
        settings = OptimizerSettings.of(prm, self.conventions)
        # The schedules are torch's, and so are the rates that they compute.
        rate = torch.optim.SGD([torch.zeros(1)], settings.lr)
        self._schedule = rate, build_scheduler(rate, prm)
        self._set_up(settings)

    def learn(self, train_data: TrainData) -> float:
        """Train one epoch, and return the mean loss."""
        total, count = 0.0, 0
        for inputs, targets in train_data:
            total += self.train_batch(inputs, targets) * len(inputs)
            count += len(inputs)
        self.end_epoch()
        return float(total) / count

    def end_epoch(self) -> None:
        """Step the schedule of the learning rate."""
        assert self._schedule is not None
        rate, scheduler = self._schedule
        if scheduler is not None:
            # torch warns if a schedule is stepped before its optimizer.
            rate.step()
            scheduler.step()

    @property
    def lr(self) -> float:
        """The learning rate of the epoch."""
        assert self._schedule is not None
        return float(self._schedule[0].param_groups[0]["lr"])

    def train_batch(self, inputs: Tensor, targets: Tensor) -> Any:
        """Train one step, and return the mean loss of the batch, a scalar of the framework."""
        return self._step(channels_last(inputs), targets.numpy())

    def gradients(self, inputs: Tensor, targets: Tensor) -> dict[str, Array]:
        """Return the gradients of the mean loss of a batch in training mode, in PyTorch's layout.

        The net is not changed, its running means included.
        """
        return self._to_twin(self._gradients(channels_last(inputs), targets.numpy()))

    def activations(self, inputs: Tensor) -> dict[str, Array]:
        """Return the outputs in training mode of each layer with weights, in their order.

        Images have the shape ``(batch, channels, height, width)``. The net is not changed, its
        running means included.

        Args:
            inputs: float32, shape ``(batch, channels, height, width)``.
        """
        outputs = self._activations(channels_last(inputs))
        return {name: channels_first(np.asarray(array)) for name, array in outputs.items()}

    def arrays(self) -> dict[str, Array]:
        """Return copies of parameters and running statistics by name, in PyTorch's layout."""
        return {name: np.array(array) for name, array in self._arrays().items()}

    def validation_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy of a batch.

        Args:
            outputs: Logits, shape ``(batch, classes)``.
            targets: Class indices, int64, shape ``(batch,)``.
        """
        return functional.cross_entropy(outputs, targets)

    def train(self) -> None:  # noqa: B027 - nothing to do
        """Return: `learn` always computes in training mode."""

    def eval(self) -> None:  # noqa: B027
        """Return: a call always computes in evaluation mode."""

    def parameter_arrays(self) -> dict[str, Array]:
        """Return the parameters by name, in PyTorch's layout."""
        return {name: array for name, array in self._arrays().items() if not is_buffer(name)}

    def buffer_arrays(self) -> dict[str, Array]:
        """Return running means and variances by name, in PyTorch's layout."""
        return {name: array for name, array in self._arrays().items() if is_buffer(name)}

    def load_arrays(self, arrays: Arrays) -> None:
        """Replace parameters and buffers.

        Args:
            arrays: Parameters and buffers in PyTorch's layout, by name.

        Raises:
            WeightMapError: An array has another shape than the net's.
        """
        self._write(self._from_twin(arrays))

    def training_state(self) -> dict[str, Any]:
        """Return the state of the optimizer and of the schedule of the learning rate."""
        if self._schedule is None:
            return {}
        rate, scheduler = self._schedule
        epochs = 0 if scheduler is None else scheduler.last_epoch
        return {
            "lr": rate.param_groups[0]["lr"],
            "epochs": epochs,
            "optimizer": self._optimizer_state(),
        }

    def load_training_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state that another instance of the net returned."""
        if not state:
            return
        assert self._schedule is not None
        rate, scheduler = self._schedule
        rate.param_groups[0]["lr"] = float(state["lr"])
        if scheduler is not None:
            scheduler.last_epoch = int(state["epochs"])
            scheduler._last_lr = [float(state["lr"])]
            scheduler._step_count = scheduler.last_epoch + 1
        self._load_optimizer_state(state["optimizer"])

    def _arrays(self) -> dict[str, Array]:
        return self._to_twin(self._read())

    def _weight_map(self, in_shape: Shape, out_shape: Shape, prm: Prm) -> WeightMap:
        own = self._layouts()
        names = ("PyTorch", self.framework)
        if self.reference is None:
            return WeightMap(own, own, names)
        with torch.device("meta"):
            net = self.reference(in_shape, out_shape, prm, torch.device("meta"))
        twin = layouts_of(net, flattened_inputs(net, in_shape))
        own = {name: self._flattened(layout, twin.get(name)) for name, layout in own.items()}
        return WeightMap(twin, own, names)

    def _flattened(self, layout: ArrayLayout, twin: ArrayLayout | None) -> ArrayLayout:
        """Return a layout with the order in which the framework flattens images."""
        if twin is None or not twin.flattened or layout.axes != "IO":
            return layout
        sizes = dict(twin.flattened)
        order = "CHW" if self.conventions.matches("flatten") else "HWC"
        return ArrayLayout(layout.axes, layout.shape, tuple((axis, sizes[axis]) for axis in order))

    @abstractmethod
    def _build(self, in_shape: Shape, out_shape: Shape, prm: Prm) -> None:
        """Build the net."""

    @abstractmethod
    def _layouts(self) -> dict[str, ArrayLayout]:
        """Return the layouts of the net's arrays, without how images are flattened."""

    @abstractmethod
    def _read(self) -> dict[str, Array]:
        """Return parameters and buffers in the framework's layout."""

    @abstractmethod
    def _write(self, arrays: Arrays) -> None:
        """Replace parameters and buffers, in the framework's layout."""

    @abstractmethod
    def _logits(self, inputs: Array) -> Any:
        """Return the logits of a batch of shape ``(batch, height, width, channels)``."""

    @abstractmethod
    def _gradients(self, inputs: Array, targets: Array) -> dict[str, Array]:
        """Return the gradients of a batch in the framework's layout."""

    @abstractmethod
    def _activations(self, inputs: Array) -> dict[str, Any]:
        """Return the outputs of the layers with weights, by PyTorch's names, in training mode."""

    @abstractmethod
    def _set_up(self, settings: OptimizerSettings) -> None:
        """Build the optimizer."""

    @abstractmethod
    def _step(self, inputs: Array, targets: Array) -> Any:
        """Train one step, and return the mean loss."""

    @abstractmethod
    def _optimizer_state(self) -> Any:
        """Return the state of the optimizer: arrays and numbers in lists and dictionaries."""

    @abstractmethod
    def _load_optimizer_state(self, state: Any) -> None:
        """Replace the state of the optimizer."""


def channels_last(inputs: Tensor) -> Array:
    """Return images as an array of shape ``(batch, height, width, channels)``.

    It shares the memory of the tensor if that is in channels-last format or has one channel.
    """
    return inputs.detach().permute(0, 2, 3, 1).contiguous().numpy()


def channels_first(outputs: Array) -> Array:
    """Return outputs of a layer; images as an array ``(batch, channels, height, width)``."""
    return outputs.transpose(0, 3, 1, 2) if outputs.ndim == _IMAGE_AXES else outputs


def _arrays_of(net: nn.Module) -> dict[str, Array]:
    """Return parameters and running statistics of a PyTorch net by name."""
    return {
        name: tensor.detach().numpy()
        for name, tensor in net.state_dict().items()
        if not name.endswith(".num_batches_tracked")
    }
