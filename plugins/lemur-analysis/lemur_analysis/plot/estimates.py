"""Interval estimates of nets, and their performance profiles (Agarwal et al., 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_analysis.plot.figure import NothingToDrawError, Panel, add_note, figure
from lemur_analysis.plot.style import add_legend, label
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from pandas import DataFrame

_NAMES = {
    "iqm": "interquartile mean of scores",
    "median": "median over datasets of the mean score",
    "mean": "mean score",
    "optimality_gap": "optimality gap (less is better)",
}


@figure(needs=("dataset", "nn", "accuracy"), panels=("task", "metric"), rows="nn")
def intervals(panel: Panel, *, estimate: str = "iqm", resamples: int = 2000, seed: int = 0) -> None:
    """Draw an estimate of each net's score over its runs, with bootstrap intervals of 95 %.

    ``estimate`` is ``iqm``, ``median``, ``mean`` or ``optimality_gap``. Runs are resampled within
    their dataset; datasets have equal weights. Without an interval a net has a hollow marker.
    """
    from lemur_analysis.stats import interval_estimates

    if estimate not in _NAMES:
        raise SettingsError(f"estimate is {estimate!r}; expected {', '.join(_NAMES)}")
    table = interval_estimates(panel.frame, resamples=resamples, seed=seed)
    if table.empty:
        raise NothingToDrawError("no scores of nets on the same datasets")
    table = table[table["estimate"] == estimate]
    table = table.sort_values("value", ascending=estimate != "optimality_gap")
    for row, one in enumerate(table.itertuples()):
        color = panel.styles[one.nn].color if panel.styles[one.nn].has_colour else "0.45"
        known = one.low == one.low
        if known:
            panel.ax.plot([one.low, one.high], [row, row], color=color, linewidth=2.2)
        panel.ax.plot(
            [one.value], [row], "o", color=color, mfc=color if known else "white", markersize=4
        )
    names = [f"{label(one.nn, 24)} ({one.runs:,})" for one in table.itertuples()]
    panel.ax.set_yticks(range(len(names)), names, fontsize="x-small")
    panel.ax.set_ylim(-0.7, len(names) - 0.3)
    panel.ax.set(xlabel=_NAMES[estimate], ylabel="net (runs)")
    panel.ax.grid(axis="x", linewidth=0.4, alpha=0.6)
    add_note(panel.ax, _over(table))
    add_note(panel.ax, f"95 % intervals of {resamples:,} resamples")
    if table["low"].isna().any():
        add_note(panel.ax, "hollow: a dataset with one run, no interval")


@figure(needs=("dataset", "nn", "accuracy"), panels=("task", "metric"))
def performance_profile(panel: Panel, *, resamples: int = 500, seed: int = 0) -> None:
    """Draw the share of each net's runs that score above a threshold.

    Bands are pointwise 95 % intervals of the ten best nets; datasets have equal weights.
    """
    from lemur_analysis.stats import performance_profile as profile

    table = profile(panel.frame, resamples=resamples, seed=seed)
    if table.empty:
        raise NothingToDrawError("no scores of nets on the same datasets")
    nets = dict(list(table.groupby("nn", observed=True)))
    for net in sorted(nets, key=lambda one: -panel.styles[one].rank):
        one, style = nets[net], panel.styles[net]
        panel.ax.plot(one["threshold"], one["share"], **style.line)
        if style.has_colour and one["low"].notna().all():
            panel.ax.fill_between(
                one["threshold"], one["low"], one["high"], color=style.color, alpha=0.12, lw=0
            )
    panel.ax.set(xlabel="score", ylabel="share of runs above", ylim=(0, 1.02), xlim=(0, 1))
    add_legend(panel.ax, panel.styles, list(nets))
    add_note(panel.ax, _over(table))
    runs = table.drop_duplicates("nn")["runs"]
    add_note(panel.ax, f"{runs.sum():,} runs; bands: 95 % of {resamples:,} resamples")


def _over(table: DataFrame) -> str:
    first = table.iloc[0]
    nets = _count(table["nn"].nunique(), "net")
    text = f"{nets} on {_count(first['datasets'], 'dataset')}"
    for left, what in ((first["dropped_nets"], "net"), (first["dropped_datasets"], "dataset")):
        text += f", {_count(left, what)} left out" if left else ""
    return text


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
