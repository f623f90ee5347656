"""Interval estimates and performance profiles of nets (Agarwal et al., 2021)."""

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
    """Draw an estimate of each net's score over its runs, with 95 % bootstrap intervals.

    ``estimate`` is ``iqm``, ``median``, ``mean`` or ``optimality_gap``. Runs are resampled within
    their dataset, and datasets have equal weights. Nets without an interval have a hollow marker.
    """
    from lemur_analysis.stats import interval_estimates

    if estimate not in _NAMES:
        raise SettingsError(f"estimate is {estimate!r}; expected {', '.join(_NAMES)}")
    table = interval_estimates(panel.frame, resamples=resamples, seed=seed)
    if table.empty:
        raise NothingToDrawError("no scores of nets on the same datasets")
    table = table[table["estimate"] == estimate]
    table = table.sort_values("value", ascending=estimate != "optimality_gap")
    for height, row in enumerate(table.itertuples()):
        color = panel.styles[row.nn].color if panel.styles[row.nn].has_colour else "0.45"
        has_interval = row.low == row.low
        if has_interval:
            panel.ax.plot([row.low, row.high], [height, height], color=color, linewidth=2.2)
        fill = color if has_interval else "white"
        panel.ax.plot([row.value], [height], "o", color=color, mfc=fill, markersize=4)
    names = [f"{label(row.nn, 24)} ({row.runs:,})" for row in table.itertuples()]
    panel.ax.set_yticks(range(len(names)), names, fontsize="x-small")
    panel.ax.set_ylim(-0.7, len(names) - 0.3)
    panel.ax.set(xlabel=_NAMES[estimate], ylabel="net (runs)")
    panel.ax.grid(axis="x", linewidth=0.4, alpha=0.6)
    add_note(panel.ax, _sample_text(table))
    add_note(panel.ax, f"95 % intervals of {resamples:,} resamples")
    if table["low"].isna().any():
        add_note(panel.ax, "hollow: no interval, as a dataset has one run")


@figure(needs=("dataset", "nn", "accuracy"), panels=("task", "metric"))
def performance_profile(panel: Panel, *, resamples: int = 500, seed: int = 0) -> None:
    """Draw the share of each net's runs that score above a threshold.

    Bands are pointwise 95 % intervals, drawn for the ten best nets. Datasets have equal weights.
    """
    from lemur_analysis.stats import performance_profile as profile

    table = profile(panel.frame, resamples=resamples, seed=seed)
    if table.empty:
        raise NothingToDrawError("no scores of nets on the same datasets")
    nets = dict(list(table.groupby("nn", observed=True)))
    for net in sorted(nets, key=lambda net: -panel.styles[net].rank):
        curve, style = nets[net], panel.styles[net]
        panel.ax.plot(curve["threshold"], curve["share"], **style.line)
        if style.has_colour and curve["low"].notna().all():
            panel.ax.fill_between(
                curve["threshold"], curve["low"], curve["high"],
                color=style.color, alpha=0.12, lw=0,
            )  # fmt: skip
    panel.ax.set(xlabel="score", ylabel="share of runs above", ylim=(0, 1.02), xlim=(0, 1))
    add_legend(panel.ax, panel.styles, list(nets))
    add_note(panel.ax, _sample_text(table))
    runs = table.drop_duplicates("nn")["runs"]
    add_note(panel.ax, f"{runs.sum():,} runs; bands: 95 % of {resamples:,} resamples")


def _sample_text(table: DataFrame) -> str:
    first = table.iloc[0]
    nets = _count(table["nn"].nunique(), "net")
    text = f"{nets} on {_count(first['datasets'], 'dataset')}"
    for dropped, noun in ((first["dropped_nets"], "net"), (first["dropped_datasets"], "dataset")):
        text += f", {_count(dropped, noun)} left out" if dropped else ""
    return text


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
