"""Figures of a design space: the relation between settings of a net's stages and its error.

They are figures 6, 7, 14, 19, 20 and 22 to 34 of Tuggener et al. (2022).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_analysis.plot.figure import NothingToDrawError
from lemur_analysis.plot.style import label
from lemur_analysis.representativeness.correlation import (
    check_dataset,
    complexity_correlations,
    correlation,
)
from lemur_analysis.representativeness.panels import (
    BLUE,
    GREY,
    ORANGE,
    RED,
    by_dataset,
    draw_nothing,
    draw_panels,
    missing_columns,
    outer_legend,
    set_title,
)
from lemur_analysis.representativeness.population import NET, check_unique, valid_rows
from lemur_analysis.representativeness.stages import (
    READINGS,
    STAGE_SETTINGS,
    ascending,
    best_configurations,
    stage_columns,
    with_totals,
)
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from pandas import DataFrame

COMPLEXITIES = {
    "depth": "cumulative depth (blocks)",
    "width": "cumulative width (channels)",
    "parameters": "parameters",
    "macs": "multiply-adds",
    "activations": "activations",
}
"""Measures of a net's complexity, with their labels in figures."""
_STAGES = "stage settings, for example depth_1 and width_1, which the results don't have"


def error_against(
    frame: DataFrame,
    ax: Any = None,
    *,
    complexity: str = "depth",
    error: str = "error",
    log: bool = False,
) -> Any:
    """Draw the error of each net against a measure of complexity, one panel per dataset.

    With cumulative depth and width, these are figures 6 and 7; with ``error="training_error"``,
    figure 14.

    Args:
        frame: A population with the column named by ``complexity``, or stage settings to sum.
        ax: Axes to draw on, one per dataset.
        complexity: Name of a numeric column, for example one of `COMPLEXITIES`.
        error: Name of a column of errors.
        log: Use a logarithmic axis for the complexity.

    Raises:
        SettingsError: A row is invalid.
    """
    rows = with_totals(valid_rows(frame))
    name = COMPLEXITIES.get(complexity, label(complexity))
    words = {complexity: name, error: error.replace("_", " ")}
    absent = missing_columns(rows, f"The {words[error]} against {name}", words)
    if absent or rows.empty:
        return draw_nothing(ax, absent or "no errors")
    check_unique(rows, NET)

    def drawer(dataset: str, part: DataFrame) -> Callable[[Axes], None]:
        def draw(ax: Axes) -> None:
            rows = part.dropna(subset=[complexity, error])
            if log:
                rows = rows[rows[complexity] > 0]
            if rows.empty:
                raise NothingToDrawError(f"no net has both {words[error]} and {name}")
            ax.scatter(rows[complexity], rows[error], s=14, color=BLUE, alpha=0.7, linewidths=0)
            ax.set(xlabel=name, ylabel=f"{words[error]} on {label(dataset)}")
            if log:
                ax.set_xscale("log")
            set_title(ax, dataset, correlation(rows[complexity], rows[error]))

        return draw

    return draw_panels(ax, {f"{at}": drawer(at, part) for at, part in by_dataset(rows).items()})


def complexity_correlation(frame: DataFrame, ax: Any = None, *, method: str = "spearman") -> Any:
    """Draw the correlation of the error with cumulative depth and width over datasets.

    The datasets are in the order of their first occurrence, so a family of datasets, for example
    ImageNet with 1000, 100, 10, 5 and 2 classes, forms a curve (figures 6 and 7, table 4).

    Args:
        frame: A population with ``depth`` and ``width``, or stage settings to sum.
        ax: Axes to draw on.
        method: "spearman", "kendall" or "pearson".

    Raises:
        SettingsError: A row is invalid, or the method is unknown.
    """
    rows = with_totals(valid_rows(frame))
    columns = {name: COMPLEXITIES[name] for name in ("depth", "width")}
    absent = missing_columns(rows, "Correlation with depth and width", columns)
    if absent or rows.empty:
        return draw_nothing(ax, absent or "no errors")
    table = complexity_correlations(rows, method=method)

    def draw(panel: Axes) -> None:
        places = {name: place for place, name in enumerate(table["dataset"].unique())}
        styles = {"depth": (BLUE, "o", -0.08), "width": (ORANGE, "s", 0.08)}
        for name, part in table.groupby("complexity", sort=False):
            colour, marker, shift = styles[name]
            x = part["dataset"].map(places) + shift
            panel.vlines(x, part["low"].fillna(part["correlation"]), part["high"].fillna(
                part["correlation"]), color=colour, lw=1.4)  # fmt: skip
            panel.plot(x, part["correlation"], color=colour, marker=marker, label=columns[name])
        counts = table.groupby("dataset", sort=False)["nets"].max()
        names = [f"{label(name)}\nn={counts[name]:,}" for name in places]
        panel.set_xticks(range(len(names)), names, rotation=30, ha="right")
        panel.axhline(0, color="black", lw=0.8)
        panel.set(ylim=(-1.03, 1.03), ylabel=f"correlation with error ({method}), 95 %")
        outer_legend(panel)

    return draw_panels(ax, {"": draw})


def error_ecdf(frame: DataFrame, ax: Any = None, *, strict: bool = False) -> Any:
    """Draw the empirical distribution of errors, of the population and of sub-populations.

    In a sub-population, a stage setting ascends from each stage to the next; the legend shows its
    size (figure 19). Curves further to the left are better.

    Args:
        frame: A population; if it has stage settings, sub-populations are drawn as well.
        ax: Axes to draw on, one per dataset.
        strict: Require each step between stages to ascend (>); if False, equal values are allowed
            (>=).

    Raises:
        SettingsError: A row is invalid.
    """
    rows = valid_rows(frame)
    if rows.empty:
        return draw_nothing(ax, "no errors")
    check_unique(rows, NET)
    setting_names = [name for name, columns in stage_columns(rows).items() if len(columns) > 1]
    masks = {name: ascending(rows, name, strict=strict) for name in setting_names}

    def drawer(dataset: str, part: DataFrame) -> Callable[[Axes], None]:
        def draw(panel: Axes) -> None:
            panel.ecdf(part["error"], color="black", lw=2, label=f"all nets (n={len(part):,})")
            styles = zip(
                masks, (BLUE, ORANGE, RED, "#029e73"), ("-", "--", "-.", ":"), strict=False
            )
            for name, colour, line in styles:
                errors = part.loc[masks[name][part.index], "error"]
                words = f"{name} ascends, {READINGS[strict]} (n={len(errors):,})"
                if len(errors):
                    panel.ecdf(errors, color=colour, ls=line, lw=1.5, label=words)
                else:
                    panel.plot([], [], color=colour, ls=line, label=words)
            panel.set(xlabel=f"error on {label(dataset)}", ylabel="share of nets with at most this")
            panel.set(ylim=(0, 1.02))
            outer_legend(panel)

        return draw

    return draw_panels(ax, {f"{at}": drawer(at, part) for at, part in by_dataset(rows).items()})


def best_configuration(frame: DataFrame, ax: Any = None, *, best: int = 15) -> Any:
    """Draw the stage settings of the best net and their means over the best nets (figure 20).

    The panel of each setting has one line per dataset. Error bars show the standard deviation over
    the best nets, and crosses the best net.

    Args:
        frame: A population with stage settings.
        ax: Axes to draw on, one per setting.
        best: Number of best nets to average over.

    Raises:
        SettingsError: A row is invalid, or ``best`` is less than 1.
    """
    import seaborn as sns

    rows = valid_rows(frame)
    if not stage_columns(rows) or rows.empty:
        return draw_nothing(ax, f"The best configuration needs {_STAGES}")
    table = best_configurations(rows, best=best)
    names = list(table["dataset"].unique())
    colours = dict(zip(names, sns.color_palette("colorblind", len(names)), strict=True))

    def drawer(setting: str) -> Callable[[Axes], None]:
        def draw(panel: Axes) -> None:
            rows_of_setting = table[table["setting"] == setting]
            for place, (name, part) in enumerate(rows_of_setting.groupby("dataset", observed=True)):
                x = part["stage"] + 0.5 * ((place + 1) / (len(names) + 1) - 0.5)
                marker = "os^Dv<>Pp*"[place % 10]
                panel.errorbar(x, part["mean"], part["std"].fillna(0), color=colours[name], lw=1.2,
                             marker=marker, ms=5, capsize=2,
                             label=f"{label(name)} (n={part['nets'].iloc[0]})")  # fmt: skip
                panel.scatter(x, part["best_net"], color=colours[name], marker="x", s=45, zorder=3)
            panel.scatter([], [], color="black", marker="x", s=45, label="best net")
            panel.set_xticks(sorted(rows_of_setting["stage"].unique()))
            panel.set(xlabel="stage", ylabel=STAGE_SETTINGS[setting])
            panel.set_ylim(bottom=0)
            outer_legend(panel)

        return draw

    return draw_panels(ax, {name: drawer(name) for name in table["setting"].unique()})


def stage_scatter(frame: DataFrame, ax: Any = None, *, dataset: str = "") -> Any:
    """Draw the error against each setting of each stage on one dataset (figures 22 to 34).

    The line connects the medians at each value of a setting or, if there are more than twelve
    values, of ten groups of equal size.

    Args:
        frame: A population with stage settings.
        ax: Axes to draw on, one per setting and stage.
        dataset: Name of the dataset; may be "" if the frame has only one.

    Raises:
        SettingsError: A row is invalid, or the frame has several datasets and none is named.
    """
    rows = valid_rows(frame)
    stages = stage_columns(rows)
    if not stages or rows.empty:
        return draw_nothing(ax, f"The error by stage needs {_STAGES}")
    names = list(map(str, rows["dataset"].unique()))
    if dataset:
        check_dataset(dataset, names)
    elif len(names) > 1:
        raise SettingsError(
            f"the results have several datasets, {', '.join(names)}; choose one with dataset="
        )
    rows = rows[rows["dataset"] == (dataset or names[0])]
    check_unique(rows, NET)
    settings = [(name, column) for name, columns in stages.items() for column in columns]
    return draw_panels(
        _stage_grid(ax, stages),
        {column: _stage(rows, setting, column) for setting, column in settings},
    )


def _stage_grid(ax: Any, stages: dict[str, list[str]]) -> Any:
    from matplotlib import pyplot as plt

    across = {len(columns) for columns in stages.values()}
    if ax is not None or len(across) > 1:
        return ax
    columns = across.pop()
    width, height = 2.6 * columns, 2.3 * len(stages)
    figure, grid = plt.subplots(
        len(stages), columns, figsize=(width, height), sharey=True, squeeze=False
    )
    # A grid of equal panels needs no layout that measures all texts, which takes as long as
    # drawing them. The margins are in inches.
    figure.subplots_adjust(
        left=0.7 / width, right=1 - 0.15 / width, bottom=0.55 / height, top=1 - 0.35 / height,
        wspace=0.12, hspace=0.5,
    )  # fmt: skip
    return grid.ravel()


def _stage(rows: DataFrame, setting: str, column: str) -> Callable[[Axes], None]:
    def draw(ax: Axes) -> None:
        stage_rows = rows.dropna(subset=[column])
        if stage_rows.empty:
            raise NothingToDrawError(f"no net has {column}")
        ax.scatter(
            stage_rows[column], stage_rows["error"], s=7, color=GREY, alpha=0.6, linewidths=0
        )
        middles = _medians(stage_rows, column)
        ax.plot(middles.index, middles, color=ORANGE, lw=1.8)
        if setting in ("bottleneck", "group"):
            # Adjusted group widths can have any value; the labels of all would overlap.
            values = sorted(stage_rows[column].unique())
            ticks = [value for value in values if float(np.log2(value)).is_integer()] or values
            ax.set_xscale("log", base=2)
            ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            ax.minorticks_off()
        stage = column.rpartition("_")[2]
        title = f"{setting}, stage {stage} (n={len(stage_rows):,})"
        ax.set_title(title, loc="left", fontsize=8)
        ax.set_xlabel(STAGE_SETTINGS[setting], fontsize=8)
        if stage == "1":
            ax.set_ylabel(f"error on {label(stage_rows['dataset'].iloc[0])}", fontsize=8)
        ax.tick_params(labelsize=7)

    return draw


def _medians(rows: DataFrame, column: str) -> Any:
    """Return the median error at each value of a column, or at the medians of ten groups."""
    values = rows[column].astype("float64")
    if values.nunique() > 12:
        from pandas import qcut

        groups = qcut(values, 10, duplicates="drop")
        middle = values.groupby(groups, observed=True).median()
        medians = rows["error"].groupby(groups, observed=True).median()
        return medians.set_axis(np.asarray(middle))
    return rows["error"].groupby(values).median()
