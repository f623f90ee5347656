"""The rules of metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from lemur_core.entry import Entry
from lemur_core.kinds.metric import Metric, as_metric

Case = tuple[Any, Any, float]


class MetricRules:
    """A metric gives the scores that were computed by hand, however the data is batched.

    Attributes:
        metric_cases: For each metric's name, cases of ``(outputs, targets, score)``: what a net
            gives for a whole data set, what it should have given, nested lists or tensors, and the
            score, 0 to 1.
    """

    metric_cases: Mapping[str, Sequence[Case]] = {}

    def test_metric_gives_the_score_computed_by_hand(self, metric: Entry) -> None:
        """To six digits, and between 0 and 1."""
        for outputs, targets, score in self._cases(metric):
            made = _made(metric, outputs)
            made.update(outputs, targets)
            _check(metric, made, score, "in one batch")

    def test_metric_is_the_same_however_it_is_batched(self, metric: Entry) -> None:
        """One sample at a time gives what all at once give."""
        for outputs, targets, score in self._cases(metric):
            made = _made(metric, outputs)
            for index in range(len(outputs)):
                made.update(outputs[index : index + 1], targets[index : index + 1])
            _check(metric, made, score, "one sample at a time")

    def test_metric_forgets_when_reset(self, metric: Entry) -> None:
        """What came before the reset changes nothing."""
        for outputs, targets, score in self._cases(metric):
            made = _made(metric, outputs)
            for index in range(len(outputs)):
                made.update(outputs[index : index + 1], targets[index : index + 1])
                made.reset()
                made.update(outputs, targets)
                _check(metric, made, score, "after a reset")
                made.reset()

    def _cases(self, metric: Entry) -> list[tuple[Tensor, Tensor, float]]:
        cases = self.metric_cases.get(metric.name)
        if not cases:
            pytest.fail(
                f"metric {metric.name!r} has no case: add metric_cases = "
                f"{{{metric.name!r}: [(outputs, targets, score)]}}, computed by hand"
            )
        return [(torch.as_tensor(o), torch.as_tensor(t), score) for o, t, score in cases]


def _made(metric: Entry, outputs: Tensor) -> Metric:
    made = as_metric(metric.load(), tuple(outputs.shape[1:]), metric.name)
    made.reset()
    return made


def _check(metric: Entry, made: Metric, score: float, how: str) -> None:
    given = float(made.compute())
    assert given == pytest.approx(score, abs=1e-6), (
        f"metric {metric.name!r}: {how} it gives {given:.6f}; expected {score:.6f}"
    )
    assert 0 <= given <= 1, f"metric {metric.name!r}: gives {given}; expected 0 to 1"
