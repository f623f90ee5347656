"""Hyperparameters of runs: a table of them, and how much each matters to the score."""

from __future__ import annotations

import math
import warnings
from contextlib import contextmanager
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lemur_analysis.frame import CELL, check_columns
from lemur_analysis.stats.columns import PRM, numbers, present, settings
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from optuna import Study
    from pandas import DataFrame, Series

EVALUATORS = ("fanova", "ped-anova")
FEWEST_TRIALS = 20
"""With fewer trials the importance of hyperparameters is not estimated."""
# A range that spans so much is searched, and drawn, by its logarithm.
LOG_SPAN = 10.0
_COLUMNS = ("hyperparameter", "importance", "std", "trials", "evaluator", "repeats", "note")


def runs_with_hyperparameters(frame: DataFrame) -> DataFrame:
    """Return the best score of each run, with a column for each hyperparameter.

    Args:
        frame: Results with ``accuracy``, and ``prm`` or columns ``prm.*``. Rows of one trial, or,
            without the column ``trial``, of one net and setting, are a run.

    Returns:
        A row per run: ``task, dataset, metric, nn, trial`` (whichever the frame has),
        ``accuracy`` (the highest of its epochs) and ``prm.lr`` for each hyperparameter, missing
        where the run has none. Runs without a finite score are left out.

    Raises:
        SettingsError: The frame has no hyperparameters.
    """
    check_columns(frame, ("accuracy",))
    apart = [name for name in frame.columns if str(name).startswith(PRM)]
    own = settings(frame) if "prm" in frame.columns or apart else None
    if own is None:
        raise SettingsError("the frame has no column 'prm' or 'prm.*', so no hyperparameters")
    keys = present(frame, (*CELL, "nn", "trial"))
    rows = frame.assign(accuracy=numbers(frame, "accuracy"), setting=own)
    rows = rows.dropna(subset=["accuracy"]).reset_index(drop=True)
    rows = rows.sort_values("accuracy", ascending=False, kind="stable")
    rows = rows.drop_duplicates(keys if "trial" in keys else [*keys, "setting"]).sort_index()
    prm = rows[apart] if apart else pd.DataFrame(rows["prm"].tolist(), index=rows.index)
    prm = prm if apart else prm.rename(columns=lambda name: f"{PRM}{name}")
    return pd.concat([rows[[*keys, "accuracy"]], prm], axis=1).reset_index(drop=True)


def importance(
    frame: DataFrame,
    *,
    evaluator: str = "fanova",
    repeats: int = 3,
    trees: int = 16,
    seed: int = 0,
    within: Sequence[str] = (*CELL, "nn"),
) -> DataFrame:
    """Return how much each hyperparameter matters to the score, as Optuna estimates it.

    Recorded runs are taken for the trials of a study; a run's value is its highest score.

    Args:
        frame: Results with ``accuracy``, and ``prm`` or columns ``prm.*``.
        evaluator: ``fanova`` (Hutter et al., 2014) or ``ped-anova`` (Watanabe et al., 2023).
        repeats: How often fANOVA grows its forest, each with its own seed; PED-ANOVA draws
            nothing and is computed once.
        trees: Trees of each forest. Optuna grows 64, which takes seconds per hundred trials.
        seed: Of the first forest.
        within: Columns in each of whose values it is computed apart: hyperparameters of different
            nets are not the same.

    Returns:
        The columns ``within``, ``hyperparameter``, ``importance`` (a share; they sum to 1),
        ``std`` (over the repeats, ddof 1), ``trials``, ``evaluator``, ``repeats``, ``note``
        (hyperparameters left out, as they are fixed or not all trials have them). A group with
        fewer than `FEWEST_TRIALS` trials, or without variance, has one row whose importance is
        missing and whose note says why.

    Raises:
        SettingsError: The frame has no hyperparameters, or an option is unknown.
    """
    if evaluator not in EVALUATORS:
        raise SettingsError(f"evaluator is {evaluator!r}; expected {' or '.join(EVALUATORS)}")
    for name, value in (("repeats", repeats), ("trees", trees)):
        if value < 1:
            raise SettingsError(f"{name} is {value}; expected a whole number from 1")
    runs = runs_with_hyperparameters(frame)
    by = present(runs, within)
    parts = []
    for key, part in runs.groupby(by, observed=True) if by else [((), runs)]:
        makers = list(_evaluators(evaluator, repeats, trees, seed))
        found = _importance(part, makers)
        where = dict(zip(by, key, strict=True))
        parts.append(pd.DataFrame(found).assign(trials=len(part), evaluator=evaluator, **where))
    order = [*by, *_COLUMNS]
    return pd.concat(parts, ignore_index=True)[order] if parts else pd.DataFrame(columns=order)


def _evaluators(name: str, repeats: int, trees: int, seed: int) -> Iterator[Any]:
    from optuna import importance

    with _quiet():
        if name == "ped-anova":
            yield importance.PedAnovaImportanceEvaluator()
            return
        for one in range(repeats):
            yield importance.FanovaImportanceEvaluator(n_trees=trees, seed=seed + one)


def _importance(runs: DataFrame, evaluators: Sequence[Any]) -> dict[str, Any]:
    prm = runs[[name for name in runs.columns if str(name).startswith(PRM)]]
    prm = prm.dropna(axis=1, how="all").rename(columns=lambda name: name.removeprefix(PRM))
    some = [name for name in prm.columns if prm[name].isna().any()]
    fixed = [name for name in prm.columns if name not in some and _count(prm[name]) == 1]
    varied = prm.drop(columns=[*some, *fixed])
    why = _refusal(runs["accuracy"], varied)
    if why:
        nothing = {"hyperparameter": [None], "importance": np.nan, "std": np.nan}
        return {**nothing, "repeats": len(evaluators), "note": why}
    notes = [f"fixed: {', '.join(fixed)}"] if fixed else []
    notes += [f"not in all trials: {', '.join(some)}"] if some else []
    study = recorded_study(varied, runs["accuracy"])
    drawn = pd.DataFrame([_evaluated(study, one) for one in evaluators])
    means = drawn.mean().sort_values(ascending=False, kind="stable")
    spread = drawn.std(ddof=1)[means.index]
    shares = {"hyperparameter": list(means.index), "importance": means.to_numpy()}
    return {
        **shares,
        "std": spread.to_numpy(),
        "repeats": len(evaluators),
        "note": "; ".join(notes),
    }


def _refusal(scores: Series, varied: DataFrame) -> str:
    if len(scores) < FEWEST_TRIALS:
        return f"{len(scores)} trials; importance needs {FEWEST_TRIALS}"
    if scores.min() == scores.max():
        return f"all {len(scores)} trials have the same score"
    if varied.shape[1] < 2:
        return f"{varied.shape[1]} hyperparameters vary in all trials; importance needs 2"
    return ""


def recorded_study(prm: DataFrame, scores: Series) -> Study:
    """Return a study of Optuna's that holds recorded runs as its trials.

    Args:
        prm: A column per hyperparameter; no value is missing.
        scores: The value of each trial, to be maximised.
    """
    import optuna

    distributions = {str(name): _distribution(prm[name]) for name in prm.columns}
    with _quiet():
        study = optuna.create_study(direction="maximize")
        study.add_trials(
            optuna.trial.create_trial(
                params={name: _plain(row[name]) for name in distributions},
                distributions=distributions,
                value=float(score),
            )
            for row, score in zip(prm.to_dict("records"), scores, strict=True)
        )
    return study


def _distribution(values: Series) -> Any:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    plain = [_plain(one) for one in values]
    if not is_numeric(values):
        return CategoricalDistribution(sorted(set(plain), key=str))
    low, high = min(plain), max(plain)
    log = is_wide(values)
    if all(isinstance(one, int) for one in plain):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(float(low), float(high), log=log)


def is_numeric(values: Series) -> bool:
    """Return whether all values of a hyperparameter are finite numbers."""
    return all(
        isinstance(one, Real) and not isinstance(one, bool | np.bool_) and math.isfinite(one)
        for one in values
    )


def is_wide(values: Series) -> bool:
    """Return whether the logarithm of numbers is taken.

    It is if they are above 0, span a factor of `LOG_SPAN` or more, and are spread more evenly by
    their logarithm: its median is nearer to the middle of the range.

    >>> import pandas as pd
    >>> is_wide(pd.Series([1e-4, 1e-3, 1e-2])), is_wide(pd.Series([0.01, 0.5, 0.99]))
    (True, False)
    """
    if not (values.min() > 0 and values.max() >= LOG_SPAN * values.min()):
        return False
    plain = values.astype("float64")
    return bool(_off_centre(np.log(plain)) < _off_centre(plain))


def _off_centre(values: Series) -> float:
    low, high = values.min(), values.max()
    return abs((values.median() - low) / (high - low) - 0.5)


def _plain(value: Any) -> Any:
    """Return a value of a hyperparameter as Optuna takes it: no numpy scalar, no list."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    return str(value)


def _count(values: Series) -> int:
    return len({_plain(one) for one in values})


def _evaluated(study: Study, evaluator: Any) -> dict[str, float]:
    from optuna.importance import get_param_importances

    with _quiet():
        return get_param_importances(study, evaluator=evaluator)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from telling of a study that only holds what was recorded."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
