"""Hyperparameters of runs: a table of them, and the importance of each for the score."""

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
"""Minimum number of trials to estimate the importance of hyperparameters."""
# Ranges that span at least this factor are searched, and drawn, on a logarithmic scale.
LOG_SPAN = 10.0
_COLUMNS = ("hyperparameter", "importance", "std", "trials", "evaluator", "repeats", "note")


def runs_with_hyperparameters(frame: DataFrame) -> DataFrame:
    """Return the best score of each run, with a column for each hyperparameter.

    Args:
        frame: Results with ``accuracy``, and ``prm`` or columns ``prm.*``. A run is the rows of one
            trial or, without the column ``trial``, the rows of one net with the same
            hyperparameters.

    Returns:
        A row per run: ``task, dataset, metric, nn, trial`` (those that the frame has),
        ``accuracy`` (the highest of its epochs) and one column per hyperparameter, for example
        ``prm.lr``, missing if the run does not have it. Runs without a finite score are left out.

    Raises:
        SettingsError: The frame has no hyperparameters.
    """
    check_columns(frame, ("accuracy",))
    prm_columns = [name for name in frame.columns if str(name).startswith(PRM)]
    row_settings = settings(frame) if "prm" in frame.columns or prm_columns else None
    if row_settings is None:
        raise SettingsError("the frame has no column 'prm' or 'prm.*', so no hyperparameters")
    keys = present(frame, (*CELL, "nn", "trial"))
    rows = frame.assign(accuracy=numbers(frame, "accuracy"), setting=row_settings)
    rows = rows.dropna(subset=["accuracy"]).reset_index(drop=True)
    rows = rows.sort_values("accuracy", ascending=False, kind="stable")
    rows = rows.drop_duplicates(keys if "trial" in keys else [*keys, "setting"]).sort_index()
    prm = rows[prm_columns] if prm_columns else pd.DataFrame(rows["prm"].tolist(), index=rows.index)
    prm = prm if prm_columns else prm.rename(columns=lambda name: f"{PRM}{name}")
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
    """Return the importance of each hyperparameter for the score, as estimated by Optuna.

    The recorded runs are added to an Optuna study as trials; their values are the highest scores.

    Args:
        frame: Results with ``accuracy``, and ``prm`` or columns ``prm.*``.
        evaluator: ``fanova`` (Hutter et al., 2014) or ``ped-anova`` (Watanabe et al., 2023).
        repeats: Number of forests that fANOVA fits, each with its own seed; PED-ANOVA is
            deterministic and computed once.
        trees: Trees per forest. Optuna's default is 64, which takes seconds per hundred trials.
        seed: Seed of the first forest.
        within: Columns to group by; importance is computed within each group. Hyperparameters of
            different nets are not comparable.

    Returns:
        The columns ``within``, ``hyperparameter``, ``importance`` (a share; the shares of a group
        sum to 1), ``std`` (over the repeats, ddof 1), ``trials``, ``evaluator``, ``repeats``,
        ``note`` (hyperparameters left out because they are fixed or missing in some trials). A
        group with fewer than `FEWEST_TRIALS` trials, or without variance, has one row with missing
        importance and the reason in ``note``.

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
        evaluators = list(_evaluators(evaluator, repeats, trees, seed))
        shares = _importance(part, evaluators)
        where = dict(zip(by, key, strict=True))
        parts.append(pd.DataFrame(shares).assign(trials=len(part), evaluator=evaluator, **where))
    order = [*by, *_COLUMNS]
    return pd.concat(parts, ignore_index=True)[order] if parts else pd.DataFrame(columns=order)


def _evaluators(name: str, repeats: int, trees: int, seed: int) -> Iterator[Any]:
    from optuna import importance

    with _quiet():
        if name == "ped-anova":
            yield importance.PedAnovaImportanceEvaluator()
            return
        for repeat in range(repeats):
            yield importance.FanovaImportanceEvaluator(n_trees=trees, seed=seed + repeat)


def _importance(runs: DataFrame, evaluators: Sequence[Any]) -> dict[str, Any]:
    prm = runs[[name for name in runs.columns if str(name).startswith(PRM)]]
    prm = prm.dropna(axis=1, how="all").rename(columns=lambda name: name.removeprefix(PRM))
    incomplete = [name for name in prm.columns if prm[name].isna().any()]
    fixed = [
        name for name in prm.columns if name not in incomplete and _count_distinct(prm[name]) == 1
    ]
    varied = prm.drop(columns=[*incomplete, *fixed])
    reason = _reason_not_estimated(runs["accuracy"], varied)
    if reason:
        missing = {"hyperparameter": [None], "importance": np.nan, "std": np.nan}
        return {**missing, "repeats": len(evaluators), "note": reason}
    notes = [f"fixed: {', '.join(fixed)}"] if fixed else []
    notes += [f"not in all trials: {', '.join(incomplete)}"] if incomplete else []
    study = recorded_study(varied, runs["accuracy"])
    samples = pd.DataFrame([_importances(study, evaluator) for evaluator in evaluators])
    means = samples.mean().sort_values(ascending=False, kind="stable")
    spread = samples.std(ddof=1)[means.index]
    shares = {"hyperparameter": list(means.index), "importance": means.to_numpy()}
    return {
        **shares,
        "std": spread.to_numpy(),
        "repeats": len(evaluators),
        "note": "; ".join(notes),
    }


def _reason_not_estimated(scores: Series, varied: DataFrame) -> str:
    if len(scores) < FEWEST_TRIALS:
        return f"{len(scores)} trials; importance needs {FEWEST_TRIALS}"
    if scores.min() == scores.max():
        return f"all {len(scores)} trials have the same score"
    if varied.shape[1] < 2:
        return f"{varied.shape[1]} hyperparameters vary in all trials; importance needs 2"
    return ""


def recorded_study(prm: DataFrame, scores: Series) -> Study:
    """Return an Optuna study with recorded runs as its trials.

    Args:
        prm: One column per hyperparameter, without missing values.
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

    plain = [_plain(value) for value in values]
    if not is_numeric(values):
        return CategoricalDistribution(sorted(set(plain), key=str))
    low, high = min(plain), max(plain)
    log = is_wide(values)
    if all(isinstance(value, int) for value in plain):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(float(low), float(high), log=log)


def is_numeric(values: Series) -> bool:
    """Return whether all values of a hyperparameter are finite numbers."""
    return all(
        isinstance(value, Real) and not isinstance(value, bool | np.bool_) and math.isfinite(value)
        for value in values
    )


def is_wide(values: Series) -> bool:
    """Return whether numbers are better shown on a logarithmic scale.

    This is the case if they are positive, span a factor of at least `LOG_SPAN`, and are more evenly
    distributed on a logarithmic scale: the median is closer to the middle of the range.

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
    return float(abs((values.median() - low) / (high - low) - 0.5))


def _plain(value: Any) -> Any:
    """Return a hyperparameter's value as a type that Optuna accepts: bool, int, float or str."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    return str(value)


def _count_distinct(values: Series) -> int:
    return len({_plain(value) for value in values})


def _importances(study: Study, evaluator: Any) -> dict[str, float]:
    from optuna.importance import get_param_importances

    with _quiet():
        return get_param_importances(study, evaluator=evaluator)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Optuna's log lines and warnings about experimental features."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
