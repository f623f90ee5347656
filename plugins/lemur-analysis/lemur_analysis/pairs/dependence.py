"""What a model of the difference within pairs says of each hyperparameter, if it says anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from lemur_analysis.pairs.table import Pairs, TooFewPairsError, read_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pandas import DataFrame

FOLDS, REPEATS, LEAF = 5, 3, 10
MODELS = {"additive": "no_interactions", "full": None}
"""Models by what they may interact: hyperparameters each for itself, or in any combination."""


class DependenceQuality(NamedTuple):
    """How well a model predicts differences that it has not seen.

    Attributes:
        mean: Of the coefficient of determination R2 over the folds; 0 is no better than the mean.
        std: Its standard deviation over the folds.
    """

    mean: float
    std: float


def model_quality(
    frame: DataFrame,
    *,
    scores: str | Sequence[str] = "",
    hyperparameters: str | Sequence[str] = "",
    seed: int = 0,
) -> DataFrame:
    """Return how well hyperparameters predict the absolute difference of the scores.

    The models are gradient-boosted trees of 60 steps: ``additive``, in which hyperparameters do not
    interact, and ``full``. If ``full`` is not better, combinations of hyperparameters matter no
    more than single ones, as far as the model can tell.

    Returns:
        A frame with ``model``; ``pairs``, how many it was fitted to; ``r2``, the mean of R2 over
        three repeats of cross-validation with five folds, and ``r2_std``, its standard deviation.

    Raises:
        SettingsError: Too few pairs are complete.
    """
    rows = []
    for key, part in read_pairs(frame, scores, hyperparameters).groups():
        inputs, difference = _table(part)
        for name in MODELS:
            quality = _quality(name, inputs, difference, seed)
            rows.append(
                key
                | {"model": name, "pairs": len(inputs), "r2": quality.mean, "r2_std": quality.std}
            )
    return pd.DataFrame(rows)


def partial_dependence(
    frame: DataFrame,
    *,
    scores: str | Sequence[str] = "",
    hyperparameters: str | Sequence[str] = "",
    points: int = 40,
    seed: int = 0,
) -> DataFrame:
    """Return what the full model predicts by each hyperparameter, averaged over the others.

    Args:
        frame: Pairs, as `read_pairs` takes them.
        scores: The two columns of scores.
        hyperparameters: The columns of hyperparameters.
        points: Values of each hyperparameter, from its 5th to its 95th percentile.
        seed: Of the folds and the model.

    Returns:
        A frame with ``hyperparameter``, ``value``, ``difference`` (0 to 1), and ``r2``, as
        `model_quality` gives it. It has no meaning where ``r2`` is not above 0.

    Raises:
        SettingsError: Too few pairs are complete.
    """
    from sklearn.inspection import partial_dependence as average

    found = []
    for key, part in read_pairs(frame, scores, hyperparameters).groups():
        inputs, difference = _table(part)
        r2 = _quality("full", inputs, difference, seed).mean
        model = _model("full", seed).fit(inputs.to_numpy(), difference)
        for at, name in enumerate(inputs.columns):
            if inputs[name].nunique() < 2:
                continue
            # By recursion, a boosted model's dependence would lack its constant.
            made = average(model, inputs.to_numpy(), [at], grid_resolution=points, method="brute")
            values = {"value": made["grid_values"][0], "difference": made["average"][0]}
            found.append(pd.DataFrame({**key, "hyperparameter": name, **values, "r2": r2}))
    if not found:
        raise TooFewPairsError("no hyperparameter varies")
    return pd.concat(found, ignore_index=True)


def _table(part: Pairs) -> tuple[DataFrame, NDArray[Any]]:
    names = list(part.hyperparameters)
    if not names:
        raise TooFewPairsError(f"the pairs{part.place} have no numeric hyperparameter")
    inputs = part.complete.frame[names].astype("float64").replace([np.inf, -np.inf], np.nan)
    inputs = inputs.dropna()
    least = FOLDS * LEAF
    if len(inputs) < least:
        raise TooFewPairsError(
            f"{len(inputs)} pairs{part.place} have both scores and every hyperparameter; "
            f"a model of the difference needs {least} or more"
        )
    return inputs, part.difference[inputs.index].to_numpy()


def _model(name: str, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        max_iter=60,
        learning_rate=0.05,
        min_samples_leaf=LEAF,
        interaction_cst=MODELS[name],
        random_state=seed,
    )


def _quality(
    name: str, inputs: DataFrame, difference: NDArray[Any], seed: int
) -> DependenceQuality:
    from sklearn.model_selection import RepeatedKFold, cross_val_score

    # Tables are often sorted by the difference, so that folds must be shuffled.
    folds = RepeatedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=seed)
    found = cross_val_score(_model(name, seed), inputs.to_numpy(), difference, cv=folds)
    return DependenceQuality(float(found.mean()), float(found.std(ddof=1)))
