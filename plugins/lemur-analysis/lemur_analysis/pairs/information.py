"""Mutual information of hyperparameters and the difference within pairs, with its null."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lemur_analysis.pairs.table import Pairs, TooFewPairsError, read_pairs, short_name, split_names
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from pandas import DataFrame

BINS, NEIGHBOURS = 10, 3
_NOISE = 1e-10
ESTIMATORS = ("plug-in", "plug-in-eleven", "ksg")
"""Names of the estimators:

- ``plug-in``: from counts in ten equal bins of [0, 1]; the last bin includes 1.
- ``plug-in-eleven``: as published with CrossedWires, ``digitize(x, arange(0, 1.01, .1))``, which
  puts the maximum of each variable into an eleventh bin.
- ``ksg``: from distances to the third nearest neighbour (Kraskov, Stögbauer, Grassberger 2004),
  with scikit-learn's estimator for single hyperparameters, and the first estimator of the paper
  with the maximum norm for pairs of hyperparameters.
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

    Each variable is scaled to [0, 1] by its minimum and maximum. Estimates from counts are biased
    upwards, and more so for two hyperparameters, whose hundred cells contain few pairs each. Values
    for one and for two hyperparameters can therefore only be compared by their excess over the null
    distribution: the estimates after shuffling the differences among the pairs.

    Args:
        frame: Pairs, as for `read_pairs`; incomplete pairs are left out.
        scores: The two columns of scores.
        hyperparameters: The columns of hyperparameters.
        estimators: Names from `ESTIMATORS`.
        permutations: Number of shuffles for the null distribution; 0 skips it.
        repeats: Number of ``ksg`` estimates to average, each with other noise of 1e-10, which
            separates equal values.
        seed: Seed of the shuffles and the noise.

    Returns:
        A frame with ``estimator``; ``variables``, one hyperparameter or two joined by `` + ``;
        ``size``, 1 or 2; ``pairs``, the number of pairs used; ``information``, in nats; ``null``
        and ``null_95``, the mean and the 95th percentile of the null distribution; ``excess``,
        ``information`` minus ``null``; ``p``, the share of shuffles that reach the information,
        with one added to both counts; ``interaction``, the joint information of two hyperparameters
        minus the sum of their single ones, in excess of the null distribution (for ``ksg``, all
        with the first KSG estimator); ``interaction_p``, the share of shuffles that reach the
        interaction, with one added to both counts. Both are NaN for single hyperparameters.

    Raises:
        SettingsError: Fewer than five pairs are complete, or an argument is out of range.
    """
    names = _estimators(estimators)
    if permutations < 0 or repeats < 1:
        raise SettingsError(
            f"permutations is {permutations} and repeats {repeats}; expected whole numbers from 0 "
            "and from 1"
        )
    tables = []
    for key, part in read_pairs(frame, scores, hyperparameters).groups():
        variables, difference = _scaled_variables(part)
        for name in names:
            rows = _information_table(name, variables, difference, permutations, repeats, seed)
            rows.insert(0, "estimator", name)
            rows.insert(3, "pairs", len(difference))
            for at, (column, value) in enumerate(key.items()):
                rows.insert(at, column, value)
            tables.append(rows)
    return pd.concat(tables, ignore_index=True)


def plug_in(variables: Sequence[NDArray[Any]], difference: NDArray[Any], *, closed: bool) -> float:
    """Return the mutual information estimated from counts in equal bins, in nats.

    Args:
        variables: One or two arrays of equal length, scaled to [0, 1].
        difference: An array of the same length, scaled to [0, 1].
        closed: Whether the last of ten bins includes 1; if False, 1 has an eleventh bin.
    """
    from sklearn.metrics import mutual_info_score

    codes = [_bin_codes(variable, closed) for variable in variables]
    return float(mutual_info_score(_joint(codes), _bin_codes(difference, closed)))


def ksg(
    variables: NDArray[Any], difference: NDArray[Any], *, neighbours: int = NEIGHBOURS
) -> float:
    """Return the mutual information of continuous variables by nearest neighbours, in nats.

    This is the first estimator of Kraskov, Stögbauer and Grassberger (2004, equation 8) with the
    maximum norm. Estimates may be negative and are not clipped. Equal values must be separated by
    adding noise first.

    Args:
        variables: Shape ``(samples, dimensions)``.
        difference: Shape ``(samples,)``.
        neighbours: k, to use the distance to the k-th nearest neighbour.
    """
    from scipy.spatial import cKDTree
    from scipy.special import digamma

    other = difference.reshape(-1, 1)
    both = np.hstack([variables, other])
    distance = cKDTree(both).query(both, neighbours + 1, p=np.inf)[0][:, -1]
    # Count points strictly nearer than the k-th neighbour.
    distance = np.nextafter(distance, 0)
    counts = [
        cKDTree(points).query_ball_point(points, distance, p=np.inf, return_length=True)
        for points in (variables, other)
    ]
    near = np.mean(digamma(counts[0]) + digamma(counts[1]))
    return float(digamma(len(difference)) + digamma(neighbours) - near)


def _estimators(names: str | Sequence[str]) -> list[str]:
    chosen = split_names(names)
    for name in chosen:
        if name not in ESTIMATORS:
            raise SettingsError(f"estimator {name!r}: expected {', '.join(ESTIMATORS)}")
    if not chosen:
        raise SettingsError(f"no estimator: expected some of {', '.join(ESTIMATORS)}")
    return chosen


def _scaled_variables(part: Pairs) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
    """Return the scaled hyperparameters and difference of the pairs that have all of them."""
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
    # A constant column has no range to scale by.
    width = (table.max() - table.min()).replace(0, 1)
    scaled = ((table - table.min()) / width).to_numpy()
    return {short_name(name): scaled[:, at] for at, name in enumerate(names)}, scaled[:, -1]


def _information_table(
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
            "variables": [" + ".join(names) for names in sets],
            "size": [len(names) for names in sets],
            "information": observed[0],
        }
    )
    if not permutations:
        names = ("null", "null_95", "excess", "p", "interaction", "interaction_p")
        return rows.assign(**dict.fromkeys(names, np.nan))
    rows["null"] = null[:, 0].mean(axis=0)
    rows["null_95"] = np.quantile(null[:, 0], 0.95, axis=0)
    rows["excess"] = rows["information"] - rows["null"]
    rows["p"] = _p_value(null[:, 0], observed[0])
    joint, chance = _interactions(observed[1], sets), _interactions(null[:, 1], sets)
    rows["interaction"] = joint - chance.mean(axis=0)
    rows["interaction_p"] = np.where(np.isnan(joint), np.nan, _p_value(chance, joint))
    return rows


def _p_value(null: NDArray[Any], observed: NDArray[Any]) -> NDArray[Any]:
    """Return the share of shuffles that reach a value, with one added to both counts."""
    # Allow for rounding errors between equal values.
    share: NDArray[Any] = (1 + (null >= observed - 1e-12).sum(axis=0)) / (1 + len(null))
    return share


def _interactions(information: NDArray[Any], sets: Sequence[tuple[str, ...]]) -> NDArray[Any]:
    """Return the information of each pair minus that of its members; NaN for single variables."""
    columns = {names: column for column, names in enumerate(sets)}
    interactions = np.full(information.shape, np.nan)
    for names, column in columns.items():
        if len(names) == 2:
            first, second = (information[..., columns[(name,)]] for name in names)
            interactions[..., column] = information[..., column] - first - second
    return interactions


def _estimate_of(
    estimator: str,
    variables: dict[str, NDArray[Any]],
    sets: Sequence[tuple[str, ...]],
    random: np.random.Generator,
) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return a function that estimates the information of each set of variables and a difference.

    Its result has two rows: the values to report, and those from which to compute interactions.
    """
    if estimator == "ksg":
        return lambda difference: _ksg_estimates(variables, sets, difference, random)
    closed = estimator == "plug-in"
    from sklearn.metrics import mutual_info_score

    codes = {name: _bin_codes(values, closed) for name, values in variables.items()}
    joint = [_joint([codes[name] for name in names]) for names in sets]

    def estimate(difference: NDArray[Any]) -> NDArray[Any]:
        binned = _bin_codes(difference, closed)
        values = [float(mutual_info_score(joint_codes, binned)) for joint_codes in joint]
        return np.array([values, values])

    return estimate


def _ksg_estimates(
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
    index = {name: column for column, name in enumerate(variables)}
    first_ksg = np.array(
        [ksg(separated[:, [index[name] for name in names]], other) for names in sets]
    )
    return np.array([np.concatenate([single, first_ksg[len(single) :]]), first_ksg])


def _bin_codes(values: NDArray[Any], closed: bool) -> NDArray[Any]:
    bins: NDArray[Any]
    if closed:
        bins = np.minimum((values * BINS).astype(int), BINS - 1)
    else:
        bins = np.digitize(values, np.arange(0, 1.01, 1 / BINS))
    return bins


def _joint(codes: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return one code for each combination of the codes of several variables."""
    joint = codes[0]
    for variable_codes in codes[1:]:
        joint = joint * (BINS + 2) + variable_codes
    return joint
