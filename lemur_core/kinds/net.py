"""The contract of nets, and base classes that train them.

With a base class, the file of a net contains only its architecture. A net that is not a
`torch.nn.Module` needs further methods, which `lemur_core.kinds.foreign_net` describes.

A net is a module with a class ``Net`` and a function ``supported_hyperparameters``, as in LEMUR's
template:

``Net(in_shape, out_shape, prm, device)``
    is called positionally. ``in_shape`` is ``(1, C, H, W)`` or ``(1, S)``. ``out_shape`` is the
    shape of the prediction for one target, ``(classes,)`` for a classifier. ``prm`` maps the name
    of each hyperparameter to its value. ``device`` is a `torch.device`.
``train_setup(prm)``
    is called once before training.
``learn(train_data)``
    trains ONE epoch over an iterable, with ``len()``, of ``(inputs, targets)``, and returns None,
    the mean loss, or ``(training score, mean loss)``.
``supported_hyperparameters()``
    returns the names of the hyperparameters that the net uses, each of which is searched in a
    default range, or a mapping of names to ranges in the syntax of `lemur_core.space`. Every net
    also has ``batch`` and ``transform``.

These methods are optional, and `Classifier` has them:

``validation_loss(outputs, targets)``
    returns the loss of a batch in evaluation mode: its mean, or ``(mean, weight)`` if the weight of
    the batch in the mean over the split is not its number of samples. ``outputs`` is what the net
    returned for the batch, ``targets`` are the batch's targets, on the net's device. It draws no
    random numbers and does not change the net. lemur records the mean over the validation split
    after each epoch; of a net without this method, no validation loss is recorded.
``weigh_classes(weights)``
    is called once, before ``train_setup``, if the user asks for class weights. ``weights`` are
    float32, of shape ``(classes,)``. The loss of each target is multiplied by the weight of its
    class, and the mean is divided by the sum of the weights, as in torch's cross-entropy. The
    weights are not part of the net's state: keep them as a plain attribute. A net without this
    method cannot be trained with class weights.

In evaluation mode, every floating-point value that a net returns must be finite, in tensors and in
lists, tuples and mappings of tensors. If a net returns NaN or infinity on the validation or test
split, its trial fails. To rule out a class, give it a large negative logit such as
``torch.finfo(dtype).min``, not minus infinity. After each epoch, all parameters must be finite, and
so must all buffers that were finite after ``train_setup``.

A net draws its random numbers from the global generators of torch, numpy or Python. The runner
seeds them for each epoch and each batch, so a resumed trial draws the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from lemur_core.errors import ContractError
from lemur_core.kinds.loader import IGNORED

if TYPE_CHECKING:
    from lemur_core.space import Value

Shape = tuple[int, ...]
Prm = Mapping[str, Any]

# The ranges of the hyperparameters that `Trainable.train_setup` reads. The last three are fixed
# unless the user gives a range.
TRAINING: dict[str, Value] = {
    "lr": "1e-3..1e-1 log",
    "momentum": "0.5..0.95",
    "weight_decay": 0.0,
    "optimizer": "sgd",
    "scheduler": "constant",
}
# The methods that define the loss with which a net is trained.
_TRAINED_BY = ("learn", "batch_loss", "loss")
# The share of a cycle in which the learning rate rises, as in torch's OneCycleLR.
_RISING = 0.3


class TrainData(Protocol):
    """One epoch of training batches, on the net's device."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class NetModule:
    """The class and the function that a net's module must define."""

    net: Callable[[Shape, Shape, Prm, torch.device], nn.Module]
    hyperparameters: Callable[[], Iterable[str] | Mapping[str, Value]]


def as_net(module: object, name: str) -> NetModule:
    """Return the class ``Net`` and the function ``supported_hyperparameters`` of a net's module.

    Raises:
        ContractError: The module lacks one of them, or the class lacks a method.
    """
    net = getattr(module, "Net", None)
    supported = getattr(module, "supported_hyperparameters", None)
    lacks = [] if callable(net) else ["its module has no class Net"]
    if not callable(supported):
        lacks.append("its module has no function supported_hyperparameters()")
    for method in ("train_setup", "learn") if callable(net) else ():
        if not callable(getattr(net, method, None)):
            lacks.append(f"Net has no method {method}()")
    if lacks or not callable(net) or not callable(supported):
        raise ContractError(f"net {name!r}: {'; '.join(lacks)}")
    return NetModule(net, supported)


class Trainable(nn.Module):
    """A net that is trained with the hyperparameters in `TRAINING`.

    A subclass defines `batch_loss`.
    """

    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler | None

    def __init__(self, in_shape: Shape, out_shape: Shape, prm: Prm, device: torch.device) -> None:
        super().__init__()
        self.device = torch.device(device)

    def train_setup(self, prm: Prm) -> None:
        """Move the net to the device, and build its optimizer and scheduler from ``prm``."""
        self.to(self.device)
        self.optimizer = build_optimizer(self.parameters(), prm)
        self.scheduler = build_scheduler(self.optimizer, prm)

    def batch_loss(self, inputs: Tensor, targets: Any) -> Tensor:
        """Return the mean loss of a batch, which may be on any device."""
        raise NotImplementedError

    def learn(self, train_data: TrainData) -> float:
        """Train one epoch, with gradients clipped to a norm of 3, and return the mean loss."""
        total, count = torch.zeros((), device=self.device), 0
        for inputs, targets in train_data:
            self.optimizer.zero_grad()
            loss = self.batch_loss(inputs, targets)
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 3.0)
            self.optimizer.step()
            # Sum on the device: reading the value would synchronise with the device at every step.
            total += loss.detach() * len(inputs)
            count += len(inputs)
        if self.scheduler is not None:
            self.scheduler.step()
        return total.item() / count


class Classifier(Trainable):
    """A classifier of images or of pixels, trained with cross-entropy.

    The hyperparameters in `TRAINING` configure the training. A subclass builds its layers and
    defines ``forward``, which returns logits; if it has auxiliary outputs, it also overrides
    `loss`. A subclass that overrides `loss`, `batch_loss` or ``learn`` has no validation loss
    unless it also overrides `validation_loss`, and no class weights unless it also overrides
    `weigh_classes`.

    Attributes:
        class_weights: Weight of each class in the loss, float32, shape ``(classes,)``; None if all
            count the same.
    """

    class_weights: Tensor | None = None

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of a batch.

        Args:
            outputs: The output of ``forward``: logits of shape ``(batch, classes)``, or
                ``(batch, classes, H, W)`` for segmentation.
            targets: Class indices, int64, shape ``(batch,)``; for mixed images the probability of
                each class, float32, shape ``(batch, classes)``; for segmentation class indices,
                int64, shape ``(batch, H, W)``, of which -100 is ignored.
        """
        return functional.cross_entropy(outputs, targets, self.class_weights)

    def batch_loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of a batch."""
        return self.loss(self(inputs.to(self.device)), targets.to(self.device))

    def validation_loss(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean cross-entropy of a batch, and the sum of the weights of its targets.

        Args:
            outputs: Logits, as for `loss`.
            targets: Class indices, int64, shape ``(batch,)``, or ``(batch, H, W)``, of which -100
                is ignored.
        """
        loss = functional.cross_entropy(outputs, targets, self.class_weights)
        counted = targets != IGNORED
        if self.class_weights is None:
            return loss, counted.sum()
        return loss, (self.class_weights[targets.where(counted, 0)] * counted).sum()

    def weigh_classes(self, weights: Tensor) -> None:
        """Multiply the loss of each target by the weight of its class.

        Args:
            weights: float32, shape ``(classes,)``.
        """
        self.class_weights = weights.to(self.device)


def optional_method(net: object, name: str) -> Callable[..., Any] | None:
    """Return an optional method of a net or its class; None if it has none.

    The methods of `Classifier` are for its own loss, so they are not those of a subclass that
    trains with another one.
    """
    method, kind = getattr(net, name, None), net if isinstance(net, type) else type(net)
    is_inherited = getattr(kind, name, None) is getattr(Classifier, name)
    if is_inherited and not all(getattr(kind, of) is getattr(Classifier, of) for of in _TRAINED_BY):
        return None
    return method if callable(method) else None


def build_optimizer(parameters: Iterable[nn.Parameter], prm: Prm) -> torch.optim.Optimizer:
    """Return the optimizer ``prm["optimizer"]``: ``sgd`` (default), ``adam`` or ``adamw``.

    ``lr`` is required. ``momentum`` (of sgd, and the first beta of Adam) defaults to 0.9 and
    ``weight_decay`` to 0.

    Raises:
        ValueError: There is no such optimizer.
    """
    name, lr = prm.get("optimizer", "sgd"), prm["lr"]
    momentum, weight_decay = prm.get("momentum", 0.9), prm.get("weight_decay", 0.0)
    if name == "sgd":
        return torch.optim.SGD(parameters, lr, momentum=momentum, weight_decay=weight_decay)
    kinds: dict[str, type[torch.optim.Adam]] = {
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
    }
    if name not in kinds:
        raise ValueError(f"optimizer {name!r}: expected sgd, adam or adamw")
    # The fused implementation makes one pass over each parameter instead of ten, which is ten
    # times as fast on a CPU.
    return kinds[name](
        parameters, lr, betas=(momentum, 0.999), weight_decay=weight_decay, fused=True
    )


def build_scheduler(
    optimizer: torch.optim.Optimizer, prm: Prm
) -> torch.optim.lr_scheduler.LRScheduler | None:
    """Return the scheduler ``prm["scheduler"]``, stepped once per epoch.

    * ``constant`` (default) returns None.
    * ``cosine`` decreases the learning rate to 0 over ``prm["scheduler_epochs"]`` epochs (default
      10), then increases it again over as many.
    * ``onecycle`` increases it linearly over the first 30 % of these epochs and decreases it to 0
      along a cosine (Smith, Topin: Super-Convergence, arXiv:1708.07120). Each epoch uses the rate
      of its middle; epochs after the cycle keep the rate of the last one.
    * ``exponential`` multiplies it by ``prm["gamma"]`` (default 0.9) after each epoch.

    Raises:
        ValueError: There is no such scheduler.
    """
    name, epochs = prm.get("scheduler", "constant"), prm.get("scheduler_epochs", 10)
    if name == "constant":
        return None
    if name == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    if name == "onecycle":
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: _one_cycle(epoch, epochs))
    if name == "exponential":
        return torch.optim.lr_scheduler.ExponentialLR(optimizer, prm.get("gamma", 0.9))
    raise ValueError(f"scheduler {name!r}: expected constant, cosine, onecycle or exponential")


def _one_cycle(epoch: int, epochs: int) -> float:
    """Return the rate at the middle of an epoch as a share of the highest rate.

    torch's OneCycleLR is designed for one step per batch. Stepped once per epoch, it would train
    the last epoch at a rate of nearly 0, and it raises if a trial is longer than its cycle.

    Args:
        epoch: The number of the epoch, from 0.
        epochs: The length of the cycle, in epochs.
    """
    passed = min(epoch + 0.5, epochs - 0.5) / epochs
    if passed < _RISING:
        return passed / _RISING
    return (1 + math.cos(math.pi * (passed - _RISING) / (1 - _RISING))) / 2
