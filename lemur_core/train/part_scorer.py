"""Score a net during an epoch, without changing what it learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.train.generators import preserve_generators

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from torch import Tensor

    from lemur_core.kinds.net import TrainData


class PartScorer:
    """Training batches in equal parts; the net is scored after each part except the last.

    A part is complete when the net asks for the next batch. Scoring preserves the state of the
    random generators and the modes of the net and the transform.

    Args:
        train_data: The training batches of one epoch.
        parts: Number of parts; the number of batches if that is smaller.
        score: Returns the net's score, 0 to 1.
        preserve_modes: Returns a context that restores on exit the modes of the net, and of the
            transform of the batches.

    Attributes:
        scores: Pairs of the last epoch: the fraction of the epoch that was done, above 0 and below
            1, and the score.
    """

    def __init__(
        self,
        train_data: TrainData,
        parts: int,
        score: Callable[[], float],
        preserve_modes: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._train_data, self._score = train_data, score
        self._preserve_modes = preserve_modes
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
        with self._preserve_modes(), preserve_generators():
            return self._score()
