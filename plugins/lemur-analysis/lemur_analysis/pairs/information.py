"""Mutual information of hyperparameters and the difference within pairs, beside its null."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lemur_analysis.pairs.table import Pairs, TooFewPairsError, listed, read_pairs, short
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from pandas import DataFrame

BINS, NEIGHBOURS = 10, 3
_NOISE = 1e-10
ESTIMATORS = ("plug-in", "plug-in-eleven", "ksg")
"""Names of the estimators:

- ``plug-in``: of counts in ten equal bins of [0, 1], the last of them closed.
- ``plug-in-eleven``: as published with CrossedWires, ``digitize(x, arange(0, 1.01, .1))``, where
  the maximum of each variable falls into an eleventh bin of its own.
- ``ksg``: of the distances to the third nearest neighbour (Kraskov, Stögbauer, Grassberger 2004):
  scikit-learn's for single hyperparameters, the paper's first estimator with the maximum norm for
  pairs of them.
"""


def mutual_information(
    frame: DataFrame,
    *,
    scores: str | Sequence[str] = "",
    hyperparameters: str | Sequence[str] = "",
    estimators: str | Sequence[str] = ESTIMATORS,
    permutations: int = 200,
    repeats: int = 50,
    seed: int = 0,
) -> DataFrame:
    """Return the mutual information of hyperparameters and the absolute difference of scores.

    Each variable is scaled to [0, 1] by its minimum and maximum. Estimates from counts are too
    high, and more so for two hyperparameters, whose hundred cells hold few pairs each: values of
    one and of two can only be compared by their excess over the null, what the estimator gives when
    the differences are shuffled among the pairs.

    Args:
        frame: Pairs, as `read_pairs` takes them; incomplete ones are left out.
        scores: The two columns of scores.
        hyperparameters: The columns of hyperparameters.
        estimators: Some of `ESTIMATORS`.
        permutations: Shuffles that make the null; 0 makes none.
        repeats: How often ``ksg`` is averaged over the noise of 1e-10 that parts equal values.
        seed: Of the shuffles and the noise.

    Returns:
        A frame with ``estimator``; ``variables``, one hyperparameter or two joined by `` + ``;
        ``size``, 1 or 2; ``pairs``, how many were used; ``information``, in nats; ``null``, the
        mean of the null, and ``null_95``, its 95th percentile; ``excess``, the information over the
        mean of the null; ``p``, the share of shuffles that reach the information, one added to both
        counts; ``interaction``, what two hyperparameters say together beyond the sum of what each
        says alone, in excess of the null (all of it by the first KSG estimator for ``ksg``), and
        ``interaction_p``, the share of shuffles that reach it, likewise; both NaN for single ones.

    Raises:
        SettingsError: Fewer than five pairs are complete, or a value is out of range.
    """
    chosen = _estimators(estimators)
    if permutations < 0 or repeats < 1:
        raise SettingsError(
            f"permutations is {permutations} and repeats {repeats}; expected whole numbers from 0 "
            "and from 1"
        )
    found = []
    for key, part in read_pairs(frame, scores, hyperparameters).groups():
        variables, difference = _scaled(part)
        for name in chosen:
            rows = _estimated(name, variables, difference, permutations, repeats, seed)
            rows.insert(0, "estimator", name)
            rows.insert(3, "pairs", len(difference))
            for at, (column, value) in enumerate(key.items()):
                rows.insert(at, column, value)
            found.append(rows)
    return pd.concat(found, ignore_index=True)


def plug_in(variables: Sequence[NDArray[Any]], difference: NDArray[Any], *, closed: bool) -> float:
    """Return the mutual information of counts in equal bins, in nats.

    Args:
        variables: One or two arrays, scaled to [0, 1].
        difference: An array as long, scaled likewise.
        closed: Whether the last of ten bins holds the maximum; otherwise it has an eleventh.
    """
    from sklearn.metrics import mutual_info_score

    codes = [_binned(one, closed) for one in variables]
    return float(mutual_info_score(_joint(codes), _binned(difference, closed)))


def ksg(
    variables: NDArray[Any], difference: NDArray[Any], *, neighbours: int = NEIGHBOURS
) -> float:
    """Return the mutual information of continuous variables by nearest neighbours, in nats.

    This is the first estimator of Kraskov, Stögbauer and Grassberger (2004, equation 8) with the
    maximum norm. It can be below 0 by chance, and is not cut off there. Separate equal values
    with noise first.

    Args:
        variables: Shape ``(samples, dimensions)``.
        difference: Shape ``(samples,)``.
        neighbours: The k of the k-th nearest neighbour.
    """
    from scipy.spatial import cKDTree
    from scipy.special import digamma

    other = difference.reshape(-1, 1)
    both = np.hstack([variables, other])
    distance = cKDTree(both).query(both, neighbours + 1, p=np.inf)[0][:, -1]
    # Strictly nearer than the k-th neighbour.
    distance = np.nextafter(distance, 0)
    counts = [
        cKDTree(one).query_ball_point(one, distance, p=np.inf, return_length=True)
        for one in (variables, other)
    ]
    near = np.mean(digamma(counts[0]) + digamma(counts[1]))
    return float(digamma(len(difference)) + digamma(neighbours) - near)


def _estimators(names: str | Sequence[str]) -> list[str]:
    chosen = listed(names)
    for name in chosen:
        if name not in ESTIMATORS:
            raise SettingsError(f"estimator {name!r}: expected {', '.join(ESTIMATORS)}")
    if not chosen:
        raise SettingsError(f"no estimator: expected some of {', '.join(ESTIMATORS)}")
    return chosen


def _scaled(part: Pairs) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
    """Return the hyperparameters and the difference of the pairs that have all of them."""
    names = list(part.hyperparameters)
    if not names:
        raise TooFewPairsError(f"the pairs{part.place} have no numeric hyperparameter")
    table = part.frame[names].astype("float64").replace([np.inf, -np.inf], np.nan)
    table["difference of scores"] = part.difference
    table = table.dropna()
    if len(table) < NEIGHBOURS + 2:
        raise TooFewPairsError(
            f"{len(table)} pairs{part.place} have both scores and every hyperparameter; mutual "
            f"information needs {NEIGHBOURS + 2} or more"
        )
    # A constant says nothing, and has no range to be scaled by.
    width = (table.max() - table.min()).replace(0, 1)
    scaled = ((table - table.min()) / width).to_numpy()
    return {short(name): scaled[:, at] for at, name in enumerate(names)}, scaled[:, -1]


def _estimated(
    estimator: str,
    variables: dict[str, NDArray[Any]],
    difference: NDArray[Any],
    permutations: int,
    repeats: int,
    seed: int,
) -> DataFrame:
    sets = [(name,) for name in variables] + list(combinations(variables, 2))
    random = np.random.default_rng(seed)
    estimate = _estimate_of(estimator, variables, sets, random)
    times = repeats if estimator == "ksg" else 1
    observed = np.mean([estimate(difference) for _ in range(times)], axis=0)
    shuffled = [estimate(random.permutation(difference)) for _ in range(permutations)]
    null = np.array(shuffled).reshape(permutations, *observed.shape)
    rows = pd.DataFrame(
        {
            "variables": [" + ".join(one) for one in sets],
            "size": [len(one) for one in sets],
            "information": observed[0],
        }
    )
    if not permutations:
        names = ("null", "null_95", "excess", "p", "interaction", "interaction_p")
        return rows.assign(**dict.fromkeys(names, np.nan))
    rows["null"] = null[:, 0].mean(axis=0)
    rows["null_95"] = np.quantile(null[:, 0], 0.95, axis=0)
    rows["excess"] = rows["information"] - rows["null"]
    rows["p"] = _reaching(null[:, 0], observed[0])
    joint, chance = _interactions(observed[1], sets), _interactions(null[:, 1], sets)
    rows["interaction"] = joint - chance.mean(axis=0)
    rows["interaction_p"] = np.where(np.isnan(joint), np.nan, _reaching(chance, joint))
    return rows


def _reaching(null: NDArray[Any], observed: NDArray[Any]) -> NDArray[Any]:
    """Return the share of shuffles that reach a value, one added to both counts."""
    # Equal values of counts can come out apart by rounding.
    return (1 + (null >= observed - 1e-12).sum(axis=0)) / (1 + len(null))


def _interactions(information: NDArray[Any], sets: Sequence[tuple[str, ...]]) -> NDArray[Any]:
    """Return the information of each two variables less that of both; NaN for single ones."""
    at = {one: place for place, one in enumerate(sets)}
    found = np.full(information.shape, np.nan)
    for one, place in at.items():
        if len(one) == 2:
            alone = [information[..., at[(name,)]] for name in one]
            found[..., place] = information[..., place] - alone[0] - alone[1]
    return found


def _estimate_of(
    estimator: str,
    variables: dict[str, NDArray[Any]],
    sets: Sequence[tuple[str, ...]],
    random: np.random.Generator,
) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return what estimates the information of each set of variables and a difference.

    It returns two rows: what is reported, and what interactions are made of.
    """
    if estimator == "ksg":
        return lambda difference: _neighbours(variables, sets, difference, random)
    closed = estimator == "plug-in"
    from sklearn.metrics import mutual_info_score

    codes = {name: _binned(one, closed) for name, one in variables.items()}
    joint = [_joint([codes[name] for name in one]) for one in sets]

    def counted(difference: NDArray[Any]) -> NDArray[Any]:
        binned = _binned(difference, closed)
        values = [float(mutual_info_score(one, binned)) for one in joint]
        return np.array([values, values])

    return counted


def _neighbours(
    variables: dict[str, NDArray[Any]],
    sets: Sequence[tuple[str, ...]],
    difference: NDArray[Any],
    random: np.random.Generator,
) -> NDArray[Any]:
    from sklearn.feature_selection import mutual_info_regression

    def noisy(values: NDArray[Any]) -> NDArray[Any]:
        return values + _NOISE * random.standard_normal(values.shape)

    columns = np.column_stack(list(variables.values()))
    single = mutual_info_regression(
        columns, difference, n_neighbors=NEIGHBOURS, random_state=int(random.integers(2**31))
    )
    separated, other = noisy(columns), noisy(difference)
    at = {name: place for place, name in enumerate(variables)}
    own = np.array([ksg(separated[:, [at[name] for name in one]], other) for one in sets])
    return np.array([np.concatenate([single, own[len(single) :]]), own])


def _binned(values: NDArray[Any], closed: bool) -> NDArray[Any]:
    if closed:
        return np.minimum((values * BINS).astype(int), BINS - 1)
    return np.digitize(values, np.arange(0, 1.01, 1 / BINS))


def _joint(codes: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return one code for each combination of the codes of several variables."""
    joint = codes[0]
    for one in codes[1:]:
        joint = joint * (BINS + 2) + one
    return joint
