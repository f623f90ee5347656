"""A torch dataset of the weights of members."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.utils.data import Dataset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from lemur_zoo.zoo import Zoo


class WeightsDataset(Dataset[tuple["Tensor", "Tensor"]]):
    """Weights and a target of members after some epochs; `lemur_zoo.zoo.Zoo.dataset` returns it.

    Attributes:
        pairs: Numbers of the member and the epoch of each sample.
        targets: float32, shape ``(samples,)``.
    """

    def __init__(
        self, zoo: Zoo, pairs: Sequence[tuple[int, int]], targets: Sequence[float]
    ) -> None:
        self._zoo, self.pairs = zoo, pairs
        self.targets = torch.tensor(targets, dtype=torch.float32)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        weights = self._zoo.weights(*self.pairs[index])
        # A copy: the array is mapped from a file that must not change.
        return torch.from_numpy(weights.astype("float32")), self.targets[index]
