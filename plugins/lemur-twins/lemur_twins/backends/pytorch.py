"""Train a twin's net in PyTorch."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lemur_core.kinds.net import Classifier, Prm, TrainData, build_scheduler
from lemur_twins.conventions import Conventions
from lemur_twins.hyperparameters import OptimizerSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    Array = NDArray[Any]


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
        self.end_epoch()
        return total.item() / count

    def end_epoch(self) -> None:
        """Step the schedule of the learning rate."""
        if self.scheduler is not None:
            self.scheduler.step()

    def train_batch(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Train one step, and return the mean loss of the batch."""
        self.optimizer.zero_grad()
        loss = self.batch_loss(inputs, targets)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def arrays(self) -> dict[str, Array]:
        """Return copies of parameters and running statistics by name."""
        return {
            name: tensor.detach().numpy().copy()
            for name, tensor in self.state_dict().items()
            if not name.endswith(".num_batches_tracked")
        }

    def gradients(self, inputs: Tensor, targets: Tensor) -> dict[str, Array]:
        """Return the gradients of the mean loss of a batch in training mode.

        The net is not changed, its running means included.
        """
        with self._unchanged():
            self.train().zero_grad()
            self.batch_loss(inputs, targets).backward()
        return {
            name: parameter.grad.numpy().copy()
            for name, parameter in self.named_parameters()
            if parameter.grad is not None
        }

    def activations(self, inputs: Tensor) -> dict[str, Array]:
        """Return the outputs in training mode of each layer with weights, in their order.

        The net is not changed, its running means included.

        Args:
            inputs: float32, shape ``(batch, channels, height, width)``.
        """
        outputs: dict[str, Array] = {}

        def noting(name: str) -> Any:
            def note(module: nn.Module, inputs: Any, output: Tensor) -> None:
                # A copy: an activation may change it in place.
                outputs[name] = output.detach().numpy().copy()

            return note

        layers = [
            (name, layer)
            for name, layer in self.named_modules()
            if [*layer.parameters(recurse=False)]
        ]
        hooks = [layer.register_forward_hook(noting(name)) for name, layer in layers]
        try:
            with self._unchanged(), torch.no_grad():
                self.train()(inputs)
        finally:
            for hook in hooks:
                hook.remove()
        return outputs

    @contextmanager
    def _unchanged(self) -> Iterator[None]:
        """Restore weights and running statistics at the end."""
        before = {name: tensor.clone() for name, tensor in self.state_dict().items()}
        yield
        self.load_state_dict(before)

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
