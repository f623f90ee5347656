"""Rank tests that compare nets over datasets, following Demsar (2006).

J. Demsar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7 (2006).
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lemur_analysis.stats.blocks import Blocks, complete_blocks
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from pandas import DataFrame, Series


def average_ranks(frame: DataFrame, **blocks: Any) -> DataFrame:
    """Return the rank of each net averaged over datasets; rank 1 is the best.

    Args:
        frame: Results with ``dataset``, ``nn`` and ``accuracy``.
        **blocks: Options of `complete_blocks`: ``epoch``, ``keep``, ``within``.

    Returns:
        The columns ``task, metric`` (those in ``within``), ``nn``, ``blocks`` (number of datasets),
        ``rank`` (mean; tied nets have the mean of their ranks), ``wins`` (number of blocks in which
        the net is the best, alone or tied), best first.
    """
    rows = []
    for where, complete in complete_blocks(frame, **blocks):
        ranks = ranks_of(complete.scores)
        wins = complete.scores.eq(complete.scores.max(axis=1), axis=0).sum()
        table = pd.DataFrame({"rank": ranks.mean(), "wins": wins})
        table = table.rename_axis("nn").reset_index().assign(blocks=len(ranks), **where)
        rows.append(table.sort_values(["rank", "nn"]))
    order = [*_names(rows), "nn", "blocks", "rank", "wins"]
    return pd.concat(rows, ignore_index=True)[order] if rows else pd.DataFrame(columns=order)


def rank_test(
    frame: DataFrame, *, alpha: float = 0.05, correct_ties: bool = True, **blocks: Any
) -> DataFrame:
    """Test whether nets differ over datasets, with the Friedman and Iman-Davenport tests.

    Args:
        frame: Results with ``dataset``, ``nn`` and ``accuracy``.
        alpha: Level of significance, 0 to 1.
        correct_ties: Correct the Friedman statistic for ties, as scipy does and Demsar does not.
        **blocks: Options of `complete_blocks`: ``epoch``, ``keep``, ``within``.

    Returns:
        A row per task and metric (those in ``within``): ``blocks``, ``nets``, ``dropped_blocks``,
        ``dropped_nets``, ``chi2`` and ``p`` (Friedman, nets - 1 degrees of freedom), ``f`` and
        ``p_f`` (Iman-Davenport), ``critical_difference`` (of average ranks, Nemenyi at ``alpha``),
        ``note`` (why there is no statistic, or why a test cannot reject at ``alpha`` whatever the
        scores; otherwise empty).
    """
    _check_alpha(alpha)
    rows = [
        {**where, **statistics_of(complete, alpha, correct_ties)}
        for where, complete in complete_blocks(frame, **blocks)
    ]
    columns = ["blocks", "nets", "dropped_blocks", "dropped_nets", "chi2", "p", "f", "p_f"]
    return pd.DataFrame(rows, columns=None if rows else [*columns, "critical_difference", "note"])


def statistics_of(blocks: Blocks, alpha: float, correct_ties: bool = True) -> dict[str, Any]:
    """Return the row of `rank_test` for some blocks, by column."""
    n, k = blocks.scores.shape
    counts = {
        "blocks": n,
        "nets": k,
        "dropped_blocks": len(blocks.dropped_blocks),
        "dropped_nets": len(blocks.dropped_nets),
    }
    statistics = dict.fromkeys(("chi2", "p", "f", "p_f", "critical_difference"), math.nan)
    missing = _reason_without_test(blocks)
    if missing:
        return {**counts, **statistics, "note": missing}
    statistics |= _friedman(blocks.scores, correct_ties)
    statistics["critical_difference"] = critical_difference(k, n, alpha)
    return {**counts, **statistics, "note": "; ".join(_power_notes(k, n, alpha))}


def _reason_without_test(blocks: Blocks) -> str:
    """Return why the Friedman test cannot be computed; empty if it can."""
    n, k = blocks.scores.shape
    if k < 3:
        return f"Friedman's test needs 3 nets on the same datasets; there are {k}"
    if n < 2:
        return f"Friedman's test needs 2 datasets, not {n}"
    if (blocks.scores.nunique(axis=1) == 1).all():
        return "all nets tie in all blocks"
    return ""


def _friedman(scores: DataFrame, correct_ties: bool) -> dict[str, float]:
    from scipy import stats

    n, k = scores.shape
    chi2 = float(stats.friedmanchisquare(*scores.to_numpy().T).statistic)
    if not correct_ties:
        chi2 *= _tie_correction(scores)
    remainder = n * (k - 1) - chi2
    # If all blocks agree, the remainder is zero up to rounding.
    f = (n - 1) * chi2 / remainder if remainder > 1e-9 else math.inf
    p_f = float(stats.f.sf(f, k - 1, (k - 1) * (n - 1)))
    return {"chi2": chi2, "p": float(stats.chi2.sf(chi2, k - 1)), "f": f, "p_f": p_f}


def _tie_correction(scores: DataFrame) -> float:
    """Return the factor, 0 to 1, by which Friedman's statistic is divided to correct for ties."""
    from scipy.stats import tiecorrect

    # tiecorrect is 1 - sum(t^3 - t) / (k^3 - k) of one block.
    return float(np.mean([tiecorrect(row) for row in ranks_of(scores).to_numpy()]))


def _power_notes(nets: int, blocks: int, alpha: float) -> list[str]:
    """Return notes on the tests that cannot reject, whatever the scores, with so few blocks."""
    from scipy import stats

    notes = []
    if stats.chi2.sf(blocks * (nets - 1), nets - 1) > alpha:
        notes.append(f"Friedman's test cannot reject at {alpha:g} with {blocks} blocks")
    if critical_difference(nets, blocks, alpha) > nets - 1:
        notes.append(f"Nemenyi's test cannot reject at {alpha:g} with {blocks} blocks")
    least = smallest_wilcoxon(blocks)
    pairs = math.comb(nets, 2)
    if least > alpha:
        notes.append(f"Wilcoxon's p cannot be below {least:.3g} with {blocks} blocks")
    elif least * pairs > alpha:
        notes.append(
            f"Wilcoxon's p cannot be below {min(least * pairs, 1):.3g} after Holm's correction "
            f"for {pairs} pairs"
        )
    return notes


def smallest_wilcoxon(blocks: int) -> float:
    """Return the smallest possible two-sided p-value of Wilcoxon's signed-rank test.

    >>> smallest_wilcoxon(5), smallest_wilcoxon(6)
    (0.0625, 0.03125)
    """
    return min(1.0, 2.0 ** (1 - blocks))


def critical_difference(nets: int, blocks: int, alpha: float = 0.05) -> float:
    """Return the critical difference of average ranks in Nemenyi's test.

    Two nets differ significantly if their average ranks differ by at least this value (Demsar 2006,
    section 3.2.2).

    >>> round(critical_difference(4, 14), 2), round(critical_difference(4, 14, 0.1), 2)
    (1.25, 1.12)
    """
    from scipy.stats import studentized_range

    q = studentized_range.ppf(1 - alpha, nets, np.inf) / math.sqrt(2)
    return float(q * math.sqrt(nets * (nets + 1) / (6 * blocks)))


def pairwise_tests(frame: DataFrame, *, alpha: float = 0.05, **blocks: Any) -> DataFrame:
    """Test which pairs of nets differ, with Nemenyi's test and Holm-corrected Wilcoxon tests.

    Args:
        frame: Results with ``dataset``, ``nn`` and ``accuracy``.
        alpha: Level of significance, 0 to 1; it affects only the notes.
        **blocks: Options of `complete_blocks`: ``epoch``, ``keep``, ``within``.

    Returns:
        A row per pair: the columns of ``within``, ``x`` and ``y`` (nets, the one with the better
        average rank first), ``rank_x``, ``rank_y``, ``blocks``, ``wins_x``, ``wins_y``, ``ties``,
        ``p_nemenyi``, ``p_wilcoxon`` (signed ranks, two-sided; zero differences are split between
        both sides, as Demsar recommends), ``p_holm``, and ``note`` (tests that cannot reject at
        ``alpha`` whatever the scores; otherwise empty).
    """
    _check_alpha(alpha)
    parts = [
        _pairs(complete.scores, alpha).assign(**where)
        for where, complete in complete_blocks(frame, **blocks)
        if min(complete.scores.shape) > 1
    ]
    names = ["x", "y", "rank_x", "rank_y", "blocks", "wins_x", "wins_y", "ties"]
    order = [*_names(parts), *names, "p_nemenyi", "p_wilcoxon", "p_holm", "note"]
    return pd.concat(parts, ignore_index=True)[order] if parts else pd.DataFrame(columns=order)


def _pairs(scores: DataFrame, alpha: float) -> DataFrame:
    from statsmodels.stats.multitest import multipletests

    n, k = scores.shape
    ranks = ranks_of(scores).mean().sort_values(kind="stable")
    nemenyi = nemenyi_of(scores)
    rows = [
        {
            "x": x,
            "y": y,
            "rank_x": ranks[x],
            "rank_y": ranks[y],
            "blocks": n,
            "wins_x": (scores[x] > scores[y]).sum(),
            "wins_y": (scores[x] < scores[y]).sum(),
            "ties": (scores[x] == scores[y]).sum(),
            "p_nemenyi": nemenyi.loc[x, y],
            "p_wilcoxon": _wilcoxon(scores[x], scores[y]),
        }
        for x, y in combinations(ranks.index, 2)
    ]
    table = pd.DataFrame(rows)
    table["p_holm"] = multipletests(table["p_wilcoxon"], method="holm")[1]
    return table.assign(
        note="; ".join(note for note in _power_notes(k, n, alpha) if "Friedman" not in note)
    )


def _wilcoxon(x: Series, y: Series) -> float:
    from scipy.stats import wilcoxon

    if (x == y).all():
        return 1.0
    return float(wilcoxon(x, y, zero_method="zsplit").pvalue)


def ranks_of(scores: DataFrame) -> DataFrame:
    """Return the rank of each net in each block, 1 for the highest score."""
    return scores.rank(axis=1, ascending=False)


def nemenyi_of(scores: DataFrame) -> DataFrame:
    """Return the p-values of Nemenyi's test, with one row and one column per net."""
    from scikit_posthocs import posthoc_nemenyi_friedman

    p_values = posthoc_nemenyi_friedman(scores.to_numpy())
    return p_values.set_axis(scores.columns, axis=0).set_axis(scores.columns, axis=1)


def _names(parts: list[DataFrame]) -> list[str]:
    return [name for name in ("task", "metric") if parts and name in parts[0].columns]


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise SettingsError(f"alpha is {alpha}; expected a number between 0 and 1")
