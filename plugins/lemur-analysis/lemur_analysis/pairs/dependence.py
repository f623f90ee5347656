"""Models that predict the difference within pairs from hyperparameters, and their dependence."""

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
"""The interactions that each model allows between hyperparameters: none, or any."""


class DependenceQuality(NamedTuple):
    """Cross-validated quality of a model's predictions.

    Attributes:
        mean: Mean of the coefficient of determination R2 over the folds; a constant prediction of
            the mean has 0.
        std: Standard deviation of R2 over the folds.
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

    The models are gradient-boosted trees with 60 steps: ``additive``, in which hyperparameters do
    not interact, and ``full``. If ``full`` is not better, there is no evidence that combinations of
    hyperparameters matter more than single ones.

    Returns:
        A frame with ``model``; ``pairs``, the number of pairs it was fitted to; ``r2``, the mean of
        R2 over three repeats of five-fold cross-validation; ``r2_std``, its standard deviation.

    Raises:
        SettingsError: There are too few complete pairs.
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
    """Return the partial dependence of the full model's prediction on each hyperparameter.

    Args:
        frame: Pairs, as for `read_pairs`.
        scores: The two columns of scores.
        hyperparameters: The columns of hyperparameters.
        points: Number of values per hyperparameter, from its 5th to its 95th percentile.
        seed: Seed of the folds and the model.

    Returns:
        A frame with ``hyperparameter``, ``value``, ``difference`` (0 to 1), and ``r2`` as in
        `model_quality`. The result is meaningless unless ``r2`` is above 0.

    Raises:
        SettingsError: There are too few complete pairs.
    """
    from sklearn.inspection import partial_dependence as average

    tables = []
    for key, part in read_pairs(frame, scores, hyperparameters).groups():
        inputs, difference = _table(part)
        r2 = _quality("full", inputs, difference, seed).mean
        model = _model("full", seed).fit(inputs.to_numpy(), difference)
        for at, name in enumerate(inputs.columns):
            if inputs[name].nunique() < 2:
                continue
            # The method "recursion" would omit the constant term of a boosted model.
            dependence = average(
                model, inputs.to_numpy(), [at], grid_resolution=points, method="brute"
            )
            values = {"value": dependence["grid_values"][0], "difference": dependence["average"][0]}
            tables.append(pd.DataFrame({**key, "hyperparameter": name, **values, "r2": r2}))
    if not tables:
        raise TooFewPairsError("no hyperparameter varies")
    return pd.concat(tables, ignore_index=True)


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

    # Shuffle the folds, as tables are often sorted by the difference.
    folds = RepeatedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=seed)
    r2 = cross_val_score(_model(name, seed), inputs.to_numpy(), difference, cv=folds)
    return DependenceQuality(float(r2.mean()), float(r2.std(ddof=1)))
