"""An auto-encoder of the weights of a zoo."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from zipfile import BadZipFile

import numpy as np
import torch
from torch import nn

from lemur_core.files import replacement, write_errors
from lemur_zoo.connectivity.units import Units
from lemur_zoo.evaluation import alike_members, zoo_layers
from lemur_zoo.storage.header import ZooError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy import float32
    from numpy.typing import NDArray
    from torch import Tensor

    from lemur_zoo.parameters import Parameter
    from lemur_zoo.zoo import Zoo

FILE = "embedding.npz"
_HIDDEN, _BATCH, _LR, _DECAY = 256, 64, 1e-3, 1e-4


class AutoEncoder(nn.Module):
    """Two hidden layers on either side of an embedding.

    Args:
        parameters: The parameters of the members.
        latent: Number of elements of an embedding.
    """

    def __init__(self, parameters: Sequence[Parameter], latent: int) -> None:
        super().__init__()
        self.sizes = [parameter.elements for parameter in parameters]
        width = sum(self.sizes)
        self.latent = latent
        self.encoder = _perceptron(width, latent)
        self.decoder = _perceptron(latent, width)
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    def standardise(self, rows: Tensor) -> None:
        """Let each parameter tensor have mean 0 and standard deviation 1 over these rows."""
        parts = rows.split(self.sizes, dim=1)
        means = [part.mean().expand(part.shape[1]) for part in parts]
        scales = [part.std().clamp_min(1e-6).expand(part.shape[1]) for part in parts]
        self.mean, self.scale = torch.cat(means), torch.cat(scales)

    def encode(self, rows: Tensor) -> Tensor:
        """Return the embeddings, ``(nets, latent)``, of weights, ``(nets, parameters)``."""
        embedded: Tensor = self.encoder((rows - self.mean) / self.scale)
        return embedded

    def decode(self, embeddings: Tensor) -> Tensor:
        """Return weights, ``(nets, parameters)``, of embeddings, ``(nets, latent)``."""
        decoded: Tensor = self.decoder(embeddings) * self.scale + self.mean
        return decoded

    def loss(self, rows: Tensor) -> Tensor:
        """Return the mean squared error of the standardised weights; 1 is that of their means."""
        difference: Tensor = (self.decode(self.encode(rows)) - rows) / self.scale
        return difference.square().mean()


def _perceptron(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, _HIDDEN),
        nn.GELU(),
        nn.Linear(_HIDDEN, _HIDDEN),
        nn.GELU(),
        nn.Linear(_HIDDEN, outputs),
    )


class Fitted(NamedTuple):
    """A trained auto-encoder.

    Attributes:
        model: The auto-encoder after the epoch with the lowest loss on validation members.
        train: Its loss on the training members.
        validation: Its loss on the validation members.
        epoch: The number of the epoch.
    """

    model: AutoEncoder
    train: float
    validation: float
    epoch: int


def fit(
    zoo: Zoo,
    epochs_of_members: Sequence[int],
    *,
    latent: int = 32,
    epochs: int = 100,
    seed: int = 0,
    augment: bool = True,
    show: Callable[[str], None] = lambda _: None,
) -> Fitted:
    """Train an auto-encoder on the members of a zoo's training split.

    Args:
        zoo: The zoo.
        epochs_of_members: Epochs of the members whose weights it is trained on; -1 is the last.
        latent: Number of elements of an embedding.
        epochs: Number of epochs of the auto-encoder.
        seed: Seed of its initial weights, and of all that is drawn.
        augment: Whether the units of members are permuted at random in each epoch, which changes
            the weights of a net and not its function.
        show: Called with a line on each epoch.

    Raises:
        ZooError: The zoo has no training or validation members with finite weights.
    """
    train, validation = (_rows(zoo, split, epochs_of_members) for split in ("train", "validation"))
    units = Units(zoo_layers(zoo), tuple(zoo.header.in_shape[1:])) if augment else None
    generator = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoEncoder(zoo.parameters, latent)
    model.standardise(train)
    optimizer = torch.optim.AdamW(model.parameters(), lr=_LR, weight_decay=_DECAY)
    best, best_epoch, kept = float("inf"), 0, model.state_dict()
    for epoch in range(1, epochs + 1):
        rows = train if units is None else _permuted(train, units, generator)
        order = torch.from_numpy(generator.permutation(len(rows)))
        for batch in order.split(_BATCH):
            optimizer.zero_grad()
            model.loss(rows[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            reached = float(model.loss(validation))
        show(f"epoch {epoch} of {epochs}: validation loss {reached:.4f}")
        if reached < best:
            best, best_epoch = reached, epoch
            kept = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(kept)
    with torch.no_grad():
        return Fitted(model.eval(), float(model.loss(train)), best, best_epoch)


def _rows(zoo: Zoo, split: str, epochs: Sequence[int]) -> Tensor:
    numbers = sorted(number for alike in alike_members(zoo).values() for number in alike)
    chosen = [number for number in numbers if zoo.population[number].split == split]
    if not chosen:
        raise ZooError(
            f"zoo {zoo.name!r}: no member of its {split} split has finite scores; make more members"
        )
    return torch.from_numpy(np.concatenate([zoo.at(epoch, chosen) for epoch in epochs]))


def _permuted(rows: Tensor, units: Units, generator: np.random.Generator) -> Tensor:
    permuted = [units.permute(row, units.random(generator)) for row in rows.numpy()]
    return torch.from_numpy(np.stack(permuted))


@torch.no_grad()
def embed(model: AutoEncoder, rows: NDArray[float32]) -> NDArray[float32]:
    """Return the embeddings of nets, ``(nets, latent)``, given ``(nets, parameters)``."""
    embeddings: NDArray[float32] = model.encode(torch.from_numpy(np.array(rows))).numpy()
    return embeddings


def save(model: AutoEncoder, zoo: Zoo) -> Path:
    """Write an auto-encoder to the folder of its zoo, and return the file.

    Raises:
        WriteError: It cannot be written.
    """
    path = zoo.path / FILE
    arrays = {f"state.{name}": value.numpy() for name, value in model.state_dict().items()}
    with write_errors(path), replacement(path) as temporary, temporary.open("wb") as file:
        np.savez(file, zoo=np.array(zoo.header.uid), latent=np.int64(model.latent), **arrays)
    return path


def load(zoo: Zoo) -> AutoEncoder:
    """Return the auto-encoder in the folder of a zoo.

    Raises:
        ZooError: There is none, it is that of another zoo, or the file is damaged.
    """
    path = zoo.path / FILE
    try:
        # NumPy would leave a damaged file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            uid, latent = str(arrays["zoo"]), int(arrays["latent"])
            state = {
                name.removeprefix("state."): torch.from_numpy(arrays[name])
                for name in arrays.files
                if name.startswith("state.")
            }
        model = AutoEncoder(zoo.parameters, latent)
        model.load_state_dict(state)
    except FileNotFoundError:
        raise ZooError(f"{zoo.path}: has no embedding; run lemur zoo embed {zoo.path}") from None
    except (OSError, KeyError, ValueError, EOFError, RuntimeError, BadZipFile) as error:
        raise ZooError(
            f"{path}: is damaged ({type(error).__name__}); run lemur zoo embed {zoo.path}"
        ) from None
    if uid != zoo.header.uid:
        raise ZooError(f"{path}: is the embedding of another zoo; run lemur zoo embed {zoo.path}")
    return model.eval()
