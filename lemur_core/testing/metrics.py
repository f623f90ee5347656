"""The rules of metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lemur_core.kinds.metric import Metric, metric_of
from lemur_core.tasks.objects import as_outputs, as_targets

if TYPE_CHECKING:
    from lemur_core.entry import Entry

Case = tuple[Any, Any, float]


class MetricRules:
    """A metric gives the scores that were computed by hand, whatever the batch size.

    Attributes:
        metric_cases: Cases ``(outputs, targets, score)`` by the name of the metric: a net's outputs
            for a whole dataset and its targets, as nested lists or tensors, and the score, 0 to 1,
            or the error if lower values of the metric are better.
            For detection, outputs and targets are lists with a dictionary for each image: with
            ``boxes``, ``labels`` and ``scores`` for outputs; with ``boxes``, ``labels`` and, if
            there are crowds, ``iscrowd`` for targets.
    """

    metric_cases: Mapping[str, Sequence[Case]] = {}

    def test_metric_gives_the_score_computed_by_hand(self, metric: Entry) -> None:
        """The score is exact to six digits, and between 0 and 1; an error is 0 or more."""
        for outputs, targets, score in self._cases(metric):
            made = _make(metric, outputs, targets)
            made.update(outputs, targets)
            _check(metric, made, score, "in one batch")

    def test_metric_is_the_same_however_it_is_batched(self, metric: Entry) -> None:
        """Adding samples one at a time gives the same score as adding all at once."""
        for outputs, targets, score in self._cases(metric):
            made = _make(metric, outputs, targets)
            for index in range(len(outputs)):
                made.update(outputs[index : index + 1], targets[index : index + 1])
            _check(metric, made, score, "one sample at a time")

    def test_metric_forgets_when_reset(self, metric: Entry) -> None:
        """Batches before a reset do not affect the score."""
        for outputs, targets, score in self._cases(metric):
            made = _make(metric, outputs, targets)
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


def _make(metric: Entry, outputs: Any, targets: Any) -> Metric:
    made = metric_of(metric, _out_shape(outputs, targets))
    made.reset()
    return made


def _out_shape(outputs: Any, targets: Any) -> tuple[int, ...]:
    if not isinstance(outputs, list):
        return tuple(outputs.shape[1:])
    labels = torch.cat([objects["labels"] for objects in (*outputs, *targets)])
    return (max(labels.tolist(), default=0) + 1,)


def _check(metric: Entry, made: Metric, score: float, how: str) -> None:
    computed = float(made.compute())
    assert computed == pytest.approx(score, abs=1e-6), (
        f"metric {metric.name!r}: {how} it gives {computed:.6f}; expected {score:.6f}"
    )
    most, expected = (1.0, "0 to 1") if metric.higher_is_better else (math.inf, "0 or more")
    assert 0 <= computed <= most, f"metric {metric.name!r}: gives {computed}; expected {expected}"
