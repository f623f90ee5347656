"""Hyperparameters: parallel coordinates and importance for the score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_analysis.plot.figure import NothingToDrawError, Panel, add_note, figure
from lemur_analysis.plot.style import label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame, Series

_PRM = "prm."
_MOST_AXES = 8
_MOST_TICKS = 14


@figure(needs=("accuracy",), uses=("prm",))
def parallel_coordinates(panel: Panel) -> None:
    """Draw the hyperparameters of each run as a line over parallel axes, coloured by its score.

    The score of a run is the highest of its epochs; lines with higher scores are drawn on top. Axes
    are logarithmic if that spreads the values more evenly, as for learning rates. Hyperparameters
    that are missing in some runs are left out.
    """
    from matplotlib.collections import LineCollection

    from lemur_analysis.stats import runs_with_hyperparameters

    runs = runs_with_hyperparameters(panel.frame).sort_values("accuracy", kind="stable")
    if runs.empty:
        raise NothingToDrawError(f"none of {len(panel.frame):,} records has a score")
    prm = _varying_hyperparameters(panel.ax, runs)
    scales = [_scale(prm[name]) for name in prm.columns]
    heights = np.column_stack([places for places, _ in scales])
    across = np.arange(heights.shape[1])
    lines = LineCollection(
        [np.column_stack([across, row]) for row in heights],
        array=runs["accuracy"].to_numpy(),
        cmap="viridis",
        linewidths=0.9,
        alpha=0.7,
        rasterized=len(runs) > 500,
    )
    panel.ax.add_collection(lines)
    for at, (_, ticks) in enumerate(scales):
        _draw_axis(panel.ax, at, ticks)
    panel.ax.set(xlim=(-0.15, across[-1] + 0.55), ylim=(-0.03, 1.03))
    names = [label(name.removeprefix(_PRM), 18) for name in prm.columns]
    panel.ax.set_xticks(across, names, fontsize="small")
    panel.ax.set_yticks([])
    panel.ax.spines[:].set_visible(False)
    panel.ax.tick_params(length=0)
    panel.ax.figure.colorbar(lines, ax=panel.ax, label="score", pad=0.02)
    add_note(panel.ax, f"n = {len(runs):,} runs")


def _varying_hyperparameters(ax: Axes, runs: DataFrame) -> DataFrame:
    """Return the hyperparameters that vary and that all runs have, and add a note on the others."""
    prm = runs[[name for name in runs.columns if str(name).startswith(_PRM)]]
    prm = prm.dropna(axis=1, how="all")
    incomplete = [name for name in prm.columns if prm[name].isna().any()]
    fixed = [n for n in prm.columns if n not in incomplete and prm[n].astype(str).nunique() == 1]
    varied = prm.drop(columns=[*incomplete, *fixed])
    if varied.shape[1] < 2:
        raise NothingToDrawError(
            f"{varied.shape[1]} hyperparameters vary in all {len(runs):,} runs; "
            "parallel coordinates need 2"
        )
    for names, reason in ((fixed, "fixed"), (incomplete, "not in all runs")):
        if names:
            shown = ", ".join(label(name.removeprefix(_PRM), 18) for name in names[:5])
            add_note(ax, f"{reason}: {shown}{', ...' if len(names) > 5 else ''}")
    if varied.shape[1] > _MOST_AXES:
        add_note(ax, f"the first {_MOST_AXES} of {varied.shape[1]} hyperparameters")
    return varied.iloc[:, :_MOST_AXES]


def _scale(values: Series) -> tuple[Any, dict[float, str]]:
    """Return the positions of values on an axis from 0 to 1, and the ticks of the axis."""
    from lemur_analysis.stats.hyperparameters import is_numeric, is_wide

    if not is_numeric(values):
        texts = values.astype(str)
        names = sorted(texts.unique())
        at = {name: (index + 0.5) / len(names) for index, name in enumerate(names)}
        step = -(-len(names) // _MOST_TICKS)
        ticks = {at[name]: label(name, 16) for name in names[::step]}
        return texts.map(at).to_numpy(), ticks
    plain = values.astype("float64")
    scaled = np.log10(plain) if is_wide(plain) else plain
    low, high = scaled.min(), scaled.max()
    levels = np.linspace(low, high, 5)
    shown = 10**levels if is_wide(plain) else levels
    ticks = {
        (level - low) / (high - low): f"{value:.4g}"
        for level, value in zip(levels, shown, strict=True)
    }
    return ((scaled - low) / (high - low)).to_numpy(), ticks


def _draw_axis(ax: Axes, at: int, ticks: dict[float, str]) -> None:
    ax.plot([at, at], [0, 1], color="0.2", linewidth=0.8, zorder=3)
    for height, text in ticks.items():
        ax.plot([at, at + 0.03], [height, height], color="0.2", linewidth=0.8, zorder=3)
        ax.text(
            at + 0.05, height, text, fontsize="xx-small", va="center", zorder=4,
            bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.6},
        )  # fmt: skip


@figure(needs=("nn", "accuracy"), uses=("prm",))
def importance(
    panel: Panel, *, evaluator: str = "fanova", repeats: int = 3, trees: int = 16, seed: int = 0
) -> None:
    """Draw the importance of each hyperparameter of a net for its score, as estimated by Optuna.

    ``evaluator`` is ``fanova``, with error bars of the standard deviation over ``repeats`` forests,
    or ``ped-anova``. A panel must have a single net; otherwise it shows a message instead.
    """
    from lemur_analysis.stats import importance as estimated

    nets = panel.frame["nn"].nunique()
    if nets != 1:
        raise NothingToDrawError(f"{nets} nets; importance needs a single net: select one")
    table = estimated(
        panel.frame, evaluator=evaluator, repeats=repeats, trees=trees, seed=seed, within=()
    )
    first = table.iloc[0] if len(table) else None
    if first is None or first["importance"] != first["importance"]:
        raise NothingToDrawError(first["note"] if first is not None else "no scores")
    table = table.iloc[::-1]
    has_std = table["std"].notna().all()
    panel.ax.barh(
        [label(name, 24) for name in table["hyperparameter"]],
        table["importance"],
        xerr=table["std"] if has_std else None,
        color="#0173b2",
        ecolor="0.2",
        capsize=2,
    )
    panel.ax.set(xlabel="share of importance", xlim=(0, None))
    forests = f", {first['repeats']} forests of {trees} trees" if evaluator == "fanova" else ""
    net = label(panel.frame["nn"].iloc[0], 24)
    add_note(panel.ax, f"{net}, n = {first['trials']:,} trials; {evaluator}{forests}")
    if first["note"]:
        add_note(panel.ax, first["note"])
