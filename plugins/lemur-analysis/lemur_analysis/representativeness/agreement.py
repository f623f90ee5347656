"""Figures of the rank agreement between datasets (Tuggener et al. 2022, figures 3 to 5 and 21)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_analysis.plot.figure import NothingToDrawError
from lemur_analysis.plot.fonts import set_fonts
from lemur_analysis.plot.style import label
from lemur_analysis.representativeness.ceiling import pair_ceilings
from lemur_analysis.representativeness.correlation import (
    Correlation,
    check_dataset,
    correlation,
    rank_correlations,
)
from lemur_analysis.representativeness.panels import (
    BLUE,
    GREY,
    ORANGE,
    RED,
    as_text,
    draw_nothing,
    draw_panels,
    outer_legend,
    set_title,
)
from lemur_analysis.representativeness.population import (
    best_runs,
    error_table,
    population_of,
    relative_errors,
    runs_from_results,
)
from lemur_analysis.representativeness.repeats import single_run_ceilings
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from pandas import DataFrame, Series

MOST_TEXTS = 14
"""With more datasets, the matrix shows only colours; `rank_correlations` returns the numbers."""
MOST_SCATTERED = 16
"""Maximum number of datasets in a scatterplot matrix."""
_LONG_NAME = 20
MOST_INCHES = 18
"""Maximum width of a matrix, in inches."""


def rank_agreement(
    frame: DataFrame,
    ax: Any = None,
    *,
    at_epoch: int = 0,
    resolution: int = 0,
    method: str = "spearman",
    common: bool = False,
) -> Any:
    """Draw the matrix of rank correlations between datasets, each with its interval and n.

    Args:
        frame: A population, or results of one task and metric.
        ax: Axes to draw on.
        at_epoch: For results: ignore later epochs; 0 uses all epochs.
        resolution: For results: use only images with this edge length in pixels; 0 uses all.
        method: "spearman", "kendall" or "pearson".
        common: Use only nets that have an error on every dataset.

    Raises:
        SettingsError: The frame is invalid, or an argument is unknown.
    """
    rows = population_of(frame, at_epoch=at_epoch, resolution=resolution)
    names = sorted(rows["dataset"].unique())
    if len(names) < 2:
        return draw_nothing(ax, _too_few(names))
    pairs = rank_correlations(rows, method=method, common=common)
    axes = draw_panels(ax, {"": lambda panel: _matrix(panel, names, pairs, method)})
    if ax is None:
        longest = max(len(label(name)) for name in names)
        width = min(2 + 1.1 * len(names) + 0.1 * longest, MOST_INCHES)
        axes.figure.set_size_inches(width, 0.8 * width)
    return axes


def _matrix(ax: Axes, names: list[str], pairs: DataFrame, method: str) -> None:
    import seaborn as sns
    from pandas import DataFrame

    values = DataFrame(np.nan, index=names[1:], columns=names[:-1])
    texts = DataFrame("", index=names[1:], columns=names[:-1])
    for pair in pairs.itertuples():
        value = Correlation(*pair[3:])
        values.loc[pair.other, pair.dataset] = value.correlation
        text = as_text(value, between="\n").replace(" [", "\n[")
        texts.loc[pair.other, pair.dataset] = text.removeprefix("rho = ")
    sns.heatmap(
        values,
        ax=ax,
        vmin=-1,
        vmax=1,
        cmap="PuOr",
        annot=texts if len(names) <= MOST_TEXTS else None,
        fmt="",
        annot_kws={"fontsize": 8},
        linewidths=0.5,
        xticklabels=False,
        yticklabels=False,
        cbar_kws={"label": f"correlation ({method})"},
    )
    # Seaborn's tick labels are not shortened.
    ticks = np.arange(len(names) - 1) + 0.5
    ax.set_xticks(ticks, [label(name) for name in names[:-1]], rotation=40, ha="right")
    ax.set_yticks(ticks, [label(name) for name in names[1:]])


def error_scatter(
    frame: DataFrame,
    ax: Any = None,
    *,
    reference: str = "",
    at_epoch: int = 0,
    resolution: int = 0,
    relative: bool = False,
    extremes: int = 10,
) -> Any:
    """Draw the errors on each dataset against those on a reference dataset, one point per net.

    The best nets on each dataset are orange and the worst are red, to show their position on the
    reference.

    Args:
        frame: A population, or results of one task and metric.
        ax: Axes to draw on, one per dataset other than the reference.
        reference: Dataset on the x-axis; "" uses the one with the most nets.
        at_epoch: For results: ignore later epochs; 0 uses all epochs.
        resolution: For results: use only images with this edge length in pixels; 0 uses all.
        relative: Divide errors by the lowest error on the dataset.
        extremes: Number of best and of worst nets to mark, each at most a third of the nets.

    Raises:
        SettingsError: The frame is invalid, or does not contain the reference.
    """
    if extremes < 0:
        raise SettingsError(f"extremes is {extremes}; expected a whole number from 0")
    rows = population_of(frame, at_epoch=at_epoch, resolution=resolution)
    if relative:
        rows = relative_errors(rows)
    table = error_table(rows, values="relative_error" if relative else "error")
    if len(table.columns) < 2:
        return draw_nothing(ax, _too_few(list(table.columns)))
    if reference:
        check_dataset(reference, table.columns)
    else:
        reference = table.count().idxmax()
    unit = "relative error" if relative else "error"
    return draw_panels(
        ax,
        {
            f"{other}": _scatter(table[reference], table[other], unit, extremes)
            for other in table.columns
            if other != reference
        },
    )


def _scatter(x: Series, y: Series, unit: str, extremes: int) -> Callable[[Axes], None]:
    def draw(ax: Axes) -> None:
        both = x.notna() & y.notna()
        if not both.any():
            raise NothingToDrawError(f"no net has an error on both {label(x.name)} and this one")
        x_values, y_values = x[both], y[both]
        order = y_values.sort_values(kind="stable").index
        marked = min(extremes, len(order) // 3)
        parts = [
            (order[marked : len(order) - marked], BLUE, "o", "other nets"),
            (order[:marked], ORANGE, "^", f"{marked} best here"),
            (order[len(order) - marked :], RED, "X", f"{marked} worst here"),
        ]
        for nets, colour, marker, name in parts:
            if len(nets):
                size = 26 if len(order) < 200 else 12
                ax.scatter(
                    x_values[nets], y_values[nets], c=colour, marker=marker, label=name,
                    s=size, alpha=0.85, edgecolors="white", linewidths=0.4,
                )  # fmt: skip
        ax.set(xlabel=f"{unit} on {label(x.name)}", ylabel=f"{unit} on {label(y.name)}")
        set_title(ax, y.name, correlation(x_values, y_values))
        outer_legend(ax)

    return draw


def scatter_matrix(
    frame: DataFrame, ax: Any = None, *, at_epoch: int = 0, resolution: int = 0
) -> Any:
    """Draw all pairs of datasets: scatterplots below, rank correlations above the diagonal.

    Args:
        frame: A population, or results of one task and metric.
        ax: Axes to draw on, row by row; their number is the square of the number of datasets.
        at_epoch: For results: ignore later epochs; 0 uses all epochs.
        resolution: For results: use only images with this edge length in pixels; 0 uses all.

    Raises:
        SettingsError: The frame is invalid, or ``ax`` has the wrong number of axes.
    """
    from matplotlib import pyplot as plt

    table = error_table(population_of(frame, at_epoch=at_epoch, resolution=resolution))
    names = list(table.columns)
    count = len(names)
    if count < 2:
        return draw_nothing(ax, _too_few(names))
    if count > MOST_SCATTERED:
        raise SettingsError(
            f"{count} datasets exceed the maximum of a scatterplot matrix, {MOST_SCATTERED}; "
            "select fewer, or draw rank_agreement"
        )
    if ax is None:
        # Long names of a few datasets would overlap.
        longest = max(len(label(name)) for name in names)
        edge = max(1.3 * count, 4, min(1 + 0.07 * longest * count, 9))
        figure, ax = plt.subplots(count, count, figsize=(edge, edge), sharex="col", squeeze=False)
        # Measuring all texts for a layout would take as long as drawing them. Margins in inches.
        figure.subplots_adjust(
            left=0.95 / edge, right=1 - 0.1 / edge, bottom=0.7 / edge, top=1 - 0.1 / edge,
            wspace=0.08, hspace=0.08,
        )  # fmt: skip
        figure.supxlabel("error", fontsize=9)
        figure.supylabel("error", fontsize=9)
    grid: np.ndarray = np.asarray(ax, dtype=object).ravel()
    if len(grid) != count * count:
        raise SettingsError(
            f"{count} datasets need {count * count} axes, but ax has {len(grid)}; omit it, or "
            f"select other datasets"
        )
    grid = grid.reshape(count, count)
    for (row, column), cell in np.ndenumerate(grid):
        _cell(cell, table, row, column)
        set_fonts(cell)
    return grid


def _cell(ax: Axes, table: DataFrame, row: int, column: int) -> None:
    names = list(table.columns)
    x, y = table[names[column]], table[names[row]]
    ax.tick_params(labelsize=6, labelleft=column == 0)
    if row == len(names) - 1:
        ax.set_xlabel(label(names[column]), fontsize=8)
    if column == 0:
        ax.set_ylabel(label(names[row]), fontsize=8)
    if row > column:
        ax.scatter(x, y, s=5, color=BLUE, alpha=0.7, linewidths=0)
        # Only the first panel of a row has labels. The others may lack its extreme nets.
        margin = 0.05 * (y.max() - y.min())
        if margin > 0:
            ax.set_ylim(y.min() - margin, y.max() + margin)
        return
    ax.set_yticks([])
    if row == column:
        ax.hist(x.dropna(), bins=12, color=GREY)
        return
    text = as_text(correlation(x, y), between="\n").replace(" [", "\n[")
    ax.text(0.5, 0.5, text, ha="center", va="center", fontsize=8, transform=ax.transAxes)


def rank_transfer(
    frame: DataFrame,
    ax: Any = None,
    *,
    reference: str = "",
    at_epoch: int = 0,
    resolution: int = 0,
    method: str = "spearman",
) -> Any:
    """Draw how well ranks on one dataset predict ranks on the others, with noise ceilings.

    Points are rank correlations with their 95 % intervals. Bars mark the ceilings of
    `pair_ceilings`, and grey bands their 95 % intervals. Points below the band are disagreements
    that the spread of runs does not explain. A dataset without a band has fewer than four nets with
    at least two runs.

    Args:
        frame: A population with several rows per net and dataset, or results of one task and
            metric.
        ax: Axes to draw on.
        reference: Dataset to predict from; "" uses the one with the most nets.
        at_epoch: For results: ignore later epochs; 0 uses all epochs.
        resolution: For results: use only images with this edge length in pixels; 0 uses all.
        method: "spearman", "kendall" or "pearson".

    Raises:
        SettingsError: The frame is invalid, or does not contain the reference.
    """
    if "error" in frame.columns:
        runs = population_of(frame, at_epoch=at_epoch, resolution=resolution)
    else:
        runs = runs_from_results(frame, at_epoch=at_epoch, resolution=resolution)
    return _draw_transfer(best_runs(runs), runs, ax, reference, method, pair_ceilings)


def single_run_transfer(
    frame: DataFrame,
    repeats: DataFrame,
    ax: Any = None,
    *,
    reference: str = "",
    method: str = "spearman",
) -> Any:
    """Draw what `rank_transfer` does, with the ceilings of `single_run_ceilings`.

    Args:
        frame: A population with one run of each net.
        repeats: The same, with further runs of a few nets, on some of the datasets or on all.
        ax: Axes to draw on.
        reference: Dataset to predict from; "" uses the one with the most nets.
        method: "spearman", "kendall" or "pearson".

    Raises:
        SettingsError: A frame is invalid, or does not contain the reference.
    """
    from pandas import concat

    best = population_of(frame)
    # A dataset without repeats has no ceiling.
    others = best[~best["dataset"].isin(repeats["dataset"])]
    runs = concat([repeats, others])
    return _draw_transfer(best, runs, ax, reference, method, single_run_ceilings)


def _draw_transfer(
    best: DataFrame,
    runs: DataFrame,
    ax: Any,
    reference: str,
    method: str,
    ceilings_of: Callable[..., DataFrame],
) -> Any:
    names = list(best["dataset"].unique())
    if len(names) < 2:
        return draw_nothing(ax, _too_few(names))
    if not reference:
        reference = best["dataset"].value_counts().sort_index().idxmax()
    pairs = rank_correlations(best, reference=reference, method=method)
    ceilings = ceilings_of(runs, reference=reference, method=method)
    table = pairs.merge(ceilings, on=["dataset", "other"], suffixes=("", "_ceiling"))
    return draw_panels(ax, {"": lambda panel: _transfer(panel, table, reference, method)})


def _transfer(ax: Axes, table: DataFrame, reference: str, method: str) -> None:
    table = table.sort_values("correlation", na_position="first", ignore_index=True)
    with_ceiling = table.dropna(subset=["ceiling"])
    if len(with_ceiling):
        width = with_ceiling["high_ceiling"] - with_ceiling["low_ceiling"]
        ax.barh(with_ceiling.index, width, left=with_ceiling["low_ceiling"], height=0.62,
                color="#d9d9d9", label="noise ceiling, 95 %", zorder=1)  # fmt: skip
        ax.scatter(
            with_ceiling["ceiling"], with_ceiling.index, marker="|", s=260, color="black", zorder=2
        )
    with_ends = table.dropna(subset=["low"])
    ax.hlines(with_ends.index, with_ends["low"], with_ends["high"], color=BLUE, lw=1.8, zorder=3)
    ax.scatter(table["correlation"], table.index, color=BLUE, zorder=4, s=34,
               label="correlation, 95 %")  # fmt: skip
    ax.axvline(0, color="black", lw=0.8)
    ax.set_yticks(table.index, [f"{label(row.other)} (n={row.nets})" for row in table.itertuples()])
    name = label(reference)
    # A long name on the same line would be cut off.
    gap = "\n" if len(name) > _LONG_NAME else " "
    ax.set(xlim=(-1.03, 1.03), xlabel=f"correlation ({method}) with{gap}{name}")
    ax.legend(fontsize="x-small", frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)


def _too_few(names: list[str]) -> str:
    available = ", ".join(map(label, names)) or "none"
    return f"Rank agreement needs two datasets; the results have {available}"
