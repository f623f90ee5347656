"""The rules of metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lemur_core.kinds.metric import Metric, as_metric
from lemur_core.tasks.objects import as_outputs, as_targets

if TYPE_CHECKING:
    from lemur_core.entry import Entry

Case = tuple[Any, Any, float]


class MetricRules:
    """A metric gives the scores that were computed by hand, however the data is batched.

    Attributes:
        metric_cases: For each metric's name, cases of ``(outputs, targets, score)``: what a net
            gives for a whole data set, what it should have given, nested lists or tensors, and the
            score, 0 to 1. Of detection both are lists with a dictionary for each image: ``boxes``,
            ``labels`` and ``scores``; ``boxes``, ``labels`` and, where there are crowds,
            ``iscrowd``.
    """

    metric_cases: Mapping[str, Sequence[Case]] = {}

    def test_metric_gives_the_score_computed_by_hand(self, metric: Entry) -> None:
        """To six digits, and between 0 and 1."""
        for outputs, targets, score in self._cases(metric):
            made = _made(metric, outputs, targets)
            made.update(outputs, targets)
            _check(metric, made, score, "in one batch")

    def test_metric_is_the_same_however_it_is_batched(self, metric: Entry) -> None:
        """One sample at a time gives what all at once give."""
        for outputs, targets, score in self._cases(metric):
            made = _made(metric, outputs, targets)
            for index in range(len(outputs)):
                made.update(outputs[index : index + 1], targets[index : index + 1])
            _check(metric, made, score, "one sample at a time")

    def test_metric_forgets_when_reset(self, metric: Entry) -> None:
        """What came before the reset changes nothing."""
        for outputs, targets, score in self._cases(metric):
            made = _made(metric, outputs, targets)
            for index in range(len(outputs)):
                made.update(outputs[index : index + 1], targets[index : index + 1])
                made.reset()
                made.update(outputs, targets)
                _check(metric, made, score, "after a reset")
                made.reset()

    def _cases(self, metric: Entry) -> list[Case]:
        cases = self.metric_cases.get(metric.name)
        if not cases:
            pytest.fail(
                f"metric {metric.name!r} has no case: add metric_cases = "
                f"{{{metric.name!r}: [(outputs, targets, score)]}}, computed by hand"
            )
        return [
            (as_outputs(outputs), as_targets(targets), score)
            if isinstance(outputs[0], Mapping)
            else (torch.as_tensor(outputs), torch.as_tensor(targets), score)
            for outputs, targets, score in cases
        ]


def _made(metric: Entry, outputs: Any, targets: Any) -> Metric:
    made = as_metric(metric.load(), _out_shape(outputs, targets), metric.name)
    made.reset()
    return made


def _out_shape(outputs: Any, targets: Any) -> tuple[int, ...]:
    if not isinstance(outputs, list):
        return tuple(outputs.shape[1:])
    labels = torch.cat([each["labels"] for each in (*outputs, *targets)])
    return (max(labels.tolist(), default=0) + 1,)


def _check(metric: Entry, made: Metric, score: float, how: str) -> None:
    given = float(made.compute())
    assert given == pytest.approx(score, abs=1e-6), (
        f"metric {metric.name!r}: {how} it gives {given:.6f}; expected {score:.6f}"
    )
    assert 0 <= given <= 1, f"metric {metric.name!r}: gives {given}; expected 0 to 1"
