"""Score a net during an epoch, without changing what it learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.train.generators import preserve_generators

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn

    from lemur_core.kinds.net import TrainData


class PartScorer:
    """Training batches in equal parts, after each of which but the last the net is scored.

    The net has learned from all batches of a part when the next one is asked for. Scoring draws
    from no generator, as far as training can tell, and leaves each module in its mode.

    Args:
        train_data: One epoch.
        parts: How many; as many as there are batches, where there are fewer.
        score: Returns the net's score, 0 to 1.
        modules: What has modes: the net, and the transform of the batches.

    Attributes:
        scores: Of the last epoch, each with the share of it that was done, above 0 and below 1.
    """

    def __init__(
        self,
        train_data: TrainData,
        parts: int,
        score: Callable[[], float],
        modules: Sequence[nn.Module],
    ) -> None:
        self._train_data, self._score, self._modules = train_data, score, modules
        batches = len(train_data)
        parts = min(parts, batches)
        self._ends = {batches * part // parts: part / parts for part in range(1, parts)}
        self.scores: list[tuple[float, float]] = []

    def __len__(self) -> int:
        return len(self._train_data)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        self.scores = []
        for done, batch in enumerate(self._train_data):
            if done in self._ends:
                self.scores.append((self._ends[done], self._scored()))
            yield batch

    def _scored(self) -> float:
        modes = [(one, one.training) for module in self._modules for one in module.modules()]
        with preserve_generators():
            score = self._score()
        for one, training in modes:
            one.training = training
        return score
