"""Nets: the contract, and base classes that train, so that a net's file is its architecture.

A net is a module with a class ``Net`` and a function ``supported_hyperparameters``, LEMUR's
template:

``Net(in_shape, out_shape, prm, device)``
    called positionally. ``in_shape`` is ``(1, C, H, W)`` or ``(1, S)``, ``out_shape`` is the shape
    of one target's prediction, ``(classes,)`` for a classifier; ``prm`` maps each hyperparameter's
    name to its value; ``device`` is a `torch.device`.
``train_setup(prm)``
    called once before training.
``learn(train_data)``
    trains ONE epoch over an iterable, with ``len()``, of ``(inputs, targets)``, and returns None,
    the mean loss, or ``(training score, mean loss)``.
``supported_hyperparameters()``
    returns the names it uses, each searched in a default range, or a mapping of names to ranges as
    `lemur_core.space` writes them. ``batch`` and ``transform`` belong to every net.

In evaluation every floating-point value that a net gives is finite, in tensors and in lists, tuples
and mappings of them; a trial whose net gives NaN or infinity for validation or test fails. To rule
out a class, give it a large negative logit, ``torch.finfo(dtype).min`` say, not minus infinity.
After each epoch every parameter is finite, and every buffer that was finite after ``train_setup``.

What a net draws in training comes from the global generators of torch, numpy or Python, which the
runner seeds for each epoch and each batch, so that a resumed trial draws the same.
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

if TYPE_CHECKING:
    from lemur_core.space import Value

Shape = tuple[int, ...]
Prm = Mapping[str, Any]

# The ranges of what `Trainable.train_setup` reads. The last three are fixed unless asked for.
TRAINING: dict[str, Value] = {
    "lr": "1e-3..1e-1 log",
    "momentum": "0.5..0.95",
    "weight_decay": 0.0,
    "optimizer": "sgd",
    "scheduler": "constant",
}
# The share of one cycle in which the rate rises, as torch's OneCycleLR has it.
_RISING = 0.3


class TrainData(Protocol):
    """One epoch of training batches, on the net's device."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class NetModule:
    """The two things a net's module must have."""

    net: Callable[[Shape, Shape, Prm, torch.device], nn.Module]
    hyperparameters: Callable[[], Iterable[str] | Mapping[str, Value]]


def as_net(module: object, name: str) -> NetModule:
    """Return a net's class and hyperparameters.

    Raises:
        ContractError: The module lacks one of them, or a method of the class.
    """
    net = getattr(module, "Net", None)
    supported = getattr(module, "supported_hyperparameters", None)
    if not callable(net) or not callable(supported):
        lacks = "class Net" if not callable(net) else "function supported_hyperparameters()"
        raise ContractError(f"net {name!r}: its module has no {lacks}")
    for method in ("train_setup", "learn"):
        if not callable(getattr(net, method, None)):
            raise ContractError(f"net {name!r}: Net has no method {method}()")
    return NetModule(net, supported)


class Trainable(nn.Module):
    """A net that is trained by what `TRAINING` names; a subclass says what a batch's loss is."""

    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler | None

    def __init__(self, in_shape: Shape, out_shape: Shape, prm: Prm, device: torch.device) -> None:
        super().__init__()
        self.device = torch.device(device)

    def train_setup(self, prm: Prm) -> None:
        """Move to the device and build the optimizer and the scheduler from ``prm``."""
        self.to(self.device)
        self.optimizer = build_optimizer(self.parameters(), prm)
        self.scheduler = build_scheduler(self.optimizer, prm)

    def batch_loss(self, inputs: Tensor, targets: Any) -> Tensor:
        """Return the mean loss of a batch as it is given, wherever it is."""
        raise NotImplementedError

    def learn(self, train_data: TrainData) -> float:
        """Train one epoch, gradients clipped to a norm of 3, and return the mean loss."""
        total, count = torch.zeros((), device=self.device), 0
        for inputs, targets in train_data:
            self.optimizer.zero_grad()
            loss = self.batch_loss(inputs, targets)
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 3.0)
            self.optimizer.step()
            # Summed on the device: reading a number out would wait for it at every step.
            total += loss.detach() * len(inputs)
            count += len(inputs)
        if self.scheduler is not None:
            self.scheduler.step()
        return total.item() / count


class Classifier(Trainable):
    """A classifier of images or of their pixels: cross-entropy, trained by what `TRAINING` names.

    A subclass builds its layers and defines ``forward``; one with auxiliary outputs overrides
    `loss` too.
    """

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of a batch.

        Args:
            outputs: What ``forward`` gives, logits of shape ``(batch, classes)``; of pixels
                ``(batch, classes, H, W)``.
            targets: Class indices, int64, shape ``(batch,)``; of mixed images the probability of
                each class, float32, shape ``(batch, classes)``; of pixels int64, shape
                ``(batch, H, W)``, those of -100 left out.
        """
        return functional.cross_entropy(outputs, targets)

    def batch_loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of a batch."""
        return self.loss(self(inputs.to(self.device)), targets.to(self.device))


def build_optimizer(parameters: Iterable[nn.Parameter], prm: Prm) -> torch.optim.Optimizer:
    """Return the optimizer ``prm["optimizer"]``: ``sgd`` (default), ``adam`` or ``adamw``.

    ``lr`` is needed; ``momentum`` (sgd's, and the first beta of Adam) and ``weight_decay`` are 0.9
    and 0 where ``prm`` has none.

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
    # One pass over each parameter where the plain one makes ten: on a CPU ten times as fast.
    return kinds[name](
        parameters, lr, betas=(momentum, 0.999), weight_decay=weight_decay, fused=True
    )


def build_scheduler(
    optimizer: torch.optim.Optimizer, prm: Prm
) -> torch.optim.lr_scheduler.LRScheduler | None:
    """Return the scheduler ``prm["scheduler"]``, stepped once per epoch.

    ``constant`` (default) is none; ``cosine`` falls to 0 over ``prm["scheduler_epochs"]`` epochs,
    10 where there is none, and rises again over as many; ``onecycle`` rises in a straight line
    over the first three tenths of them and falls to 0 by a cosine (Smith, Topin:
    Super-Convergence, arXiv:1708.07120), each epoch at the rate of its middle, later ones at the
    last; ``exponential`` multiplies by ``prm["gamma"]``, 0.9 where there is none.

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
    """Return the share of the highest rate at the middle of an epoch, counted from 0.

    torch's OneCycleLR is made for a step each batch: stepped once an epoch it would spend the last
    at a rate of nearly 0, and it raises when a trial is longer than its cycle.
    """
    passed = min(epoch + 0.5, epochs - 0.5) / epochs
    if passed < _RISING:
        return passed / _RISING
    return (1 + math.cos(math.pi * (passed - _RISING) / (1 - _RISING))) / 2
