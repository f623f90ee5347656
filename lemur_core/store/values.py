"""What columns hold as text, and what it stands for."""

from __future__ import annotations

import json
from collections.abc import Mapping

from lemur_core.codec import from_json, reader
from lemur_core.store.identity import exact
from lemur_core.trial import SPLITS, Prediction

_scores = reader(Mapping[str, tuple[float, float]])
_within = reader(tuple[tuple[float, float], ...])
_shape = reader(tuple[int, ...])


def scores_of(text: str | None) -> dict[str, tuple[float, float]]:
    """Return an epoch's scores by other metrics, validation and test, from their column."""
    scores: dict[str, tuple[float, float]] = {} if text is None else _scores(json.loads(text))
    return scores


def within_of(text: str | None) -> tuple[tuple[float, float], ...]:
    """Return an epoch's scores before it was done, from their column."""
    within: tuple[tuple[float, float], ...] = () if text is None else _within(json.loads(text))
    return within


def left_out_of(text: str | None) -> dict[str, int]:
    """Return how many samples of each split a trial was trained and scored without.

    Raises:
        ValueError: The column's text is not what is written there.
    """
    counts: dict[str, int] = {} if text is None else json.loads(text)
    for split, count in counts.items():
        if split not in SPLITS or type(count) is not int or count < 1:
            raise ValueError(text)
    return counts


def left_out_text(counts: Mapping[str, int]) -> str | None:
    """Return their column."""
    return exact(dict(counts)) if counts else None


def prediction_of(predicted: float | None, estimate: str | None) -> Prediction | None:
    """Return what an estimator settled on, from its columns."""
    if predicted is None or estimate is None:
        return None
    return from_json(Prediction, {**json.loads(estimate), "score": predicted})


def shape_of(text: str | None) -> tuple[int, ...] | None:
    """Return the shape of what a net takes or gives, from its column."""
    return None if text is None else _shape(json.loads(text))
