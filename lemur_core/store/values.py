"""Convert the values that columns store as JSON text."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from lemur_core.codec import from_json, reader
from lemur_core.store.identity import canonical_json
from lemur_core.trial import SPLITS, Prediction

_scores = reader(Mapping[str, tuple[float, float]])
_within = reader(tuple[tuple[float, float], ...])
_shape = reader(tuple[int, ...])


def scores_of(text: str | None) -> dict[str, tuple[float, float]]:
    """Return an epoch's (validation, test) scores of additional metrics from the stored text."""
    scores: dict[str, tuple[float, float]] = {} if text is None else _scores(json.loads(text))
    return scores


def finite_number(value: float) -> float:
    """Return a stored number.

    Raises:
        ValueError: It is NaN or infinite.
    """
    if not math.isfinite(value):
        raise ValueError(value)
    return value


def within_of(text: str | None) -> tuple[tuple[float, float], ...]:
    """Return the validation scores within an epoch from the stored text."""
    within: tuple[tuple[float, float], ...] = () if text is None else _within(json.loads(text))
    return within


def left_out_of(text: str | None) -> dict[str, int]:
    """Return the number of samples left out of each split from the stored text.

    Raises:
        ValueError: `left_out_text` does not write this text.
    """
    counts: dict[str, int] = {} if text is None else json.loads(text)
    for split, count in counts.items():
        if split not in SPLITS or type(count) is not int or count < 1:
            raise ValueError(text)
    return counts


def left_out_text(counts: Mapping[str, int]) -> str | None:
    """Return the numbers of samples left out as stored text; None if there are none."""
    return canonical_json(dict(counts)) if counts else None


def prediction_of(predicted: float | None, estimate: str | None) -> Prediction | None:
    """Return the prediction of an estimator from its two columns; None if there is none."""
    if predicted is None or estimate is None:
        return None
    return from_json(Prediction, {**json.loads(estimate), "score": predicted})


def shape_of(text: str | None) -> tuple[int, ...] | None:
    """Return the shape of a net's input or output from the stored text."""
    return None if text is None else _shape(json.loads(text))
