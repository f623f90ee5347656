"""Train a twin's net in PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lemur_core.kinds.net import Classifier, Prm, TrainData, build_scheduler
from lemur_twins.conventions import Conventions
from lemur_twins.hyperparameters import OptimizerSettings

if TYPE_CHECKING:
    from collections.abc import Iterable


class PyTorchClassifier(Classifier):
    """A classifier in PyTorch, trained with cross-entropy.

    A subclass builds its layers and defines ``forward``, which returns logits. Unlike
    `lemur_core.kinds.net.Classifier`, gradients are not clipped.
    """

    def train_setup(self, prm: Prm) -> None:
        """Move the net to the device, and build its optimizer and scheduler from ``prm``."""
        self.to(self.device)
        self.optimizer = optimizer_of(self.parameters(), prm)
        self.scheduler = build_scheduler(self.optimizer, prm)

    def learn(self, train_data: TrainData) -> float:
        """Train one epoch, and return the mean loss."""
        total, count = torch.zeros((), device=self.device), 0
        for inputs, targets in train_data:
            total += self.train_batch(inputs, targets) * len(inputs)
            count += len(inputs)
        if self.scheduler is not None:
            self.scheduler.step()
        return total.item() / count

    def train_batch(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Train one step, and return the mean loss of the batch."""
        self.optimizer.zero_grad()
        loss = self.batch_loss(inputs, targets)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    # `Classifier` has these methods only for nets that it trains itself.
    def validation_loss(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean cross-entropy of a batch, and the sum of the weights of its targets."""
        return super().validation_loss(outputs, targets)

    def weigh_classes(self, weights: Tensor) -> None:
        """Multiply the loss of each target by the weight of its class."""
        super().weigh_classes(weights)


def optimizer_of(parameters: Iterable[nn.Parameter], prm: Prm) -> torch.optim.Optimizer:
    """Return the optimizer that ``prm`` describes; see `OptimizerSettings`."""
    # Its own conventions are PyTorch's; the names are checked as in other frameworks.
    settings = OptimizerSettings.of(prm, Conventions("pytorch", prm.get("match", "none")))
    if settings.name == "sgd":
        return torch.optim.SGD(
            parameters,
            settings.lr,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
        )
    kinds: dict[str, type[torch.optim.Adam]] = {
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
    }
    return kinds[settings.name](
        parameters,
        settings.lr,
        betas=(settings.momentum, settings.beta_2),
        eps=settings.epsilon,
        weight_decay=settings.weight_decay,
        fused=True,
    )


def activation(name: str) -> nn.Module:
    """Return an activation: ``relu``, ``leaky_relu``, ``gelu``, ``tanh`` or ``sigmoid``."""
    kinds: dict[str, type[nn.Module]] = {
        "relu": nn.ReLU,
        "leaky_relu": nn.LeakyReLU,
        "gelu": nn.GELU,
        "tanh": nn.Tanh,
        "sigmoid": nn.Sigmoid,
    }
    return kinds[name]()
