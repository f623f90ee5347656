"""Figures of a design space: which settings of a net's stages go with low errors.

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
from lemur_analysis.representativeness.population import NET, check_unique, checked
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
"""Complexities of a net, with their names in figures."""
_STAGES = "settings of the nets' stages, such as depth_1 and width_1, which the results don't have"


def error_against(
    frame: DataFrame,
    ax: Any = None,
    *,
    complexity: str = "depth",
    error: str = "error",
    log: bool = False,
) -> Any:
    """Draw an error of each net against a complexity, a panel per dataset.

    Of the cumulative depth and width it is figures 6 and 7; ``error="training_error"`` makes it
    figure 14.

    Args:
        frame: A population with the column ``complexity``, or settings of stages to sum.
        ax: Axes to draw on, one for each dataset.
        complexity: A column of numbers, such as those of `COMPLEXITIES`.
        error: A column of errors.
        log: Whether the complexity has a logarithmic axis.

    Raises:
        SettingsError: A row is not as expected.
    """
    rows = with_totals(checked(frame))
    name = COMPLEXITIES.get(complexity, label(complexity))
    words = {complexity: name, error: error.replace("_", " ")}
    absent = missing_columns(rows, f"The {words[error]} against {name}", words)
    if absent or rows.empty:
        return draw_nothing(ax, absent or "no errors")
    check_unique(rows, NET)

    def drawer(dataset: str, part: DataFrame) -> Callable[[Axes], None]:
        def draw(one: Axes) -> None:
            known = part.dropna(subset=[complexity, error])
            if log:
                known = known[known[complexity] > 0]
            if known.empty:
                raise NothingToDrawError(f"no net has both {words[error]} and {name}")
            one.scatter(known[complexity], known[error], s=14, color=BLUE, alpha=0.7, linewidths=0)
            one.set(xlabel=name, ylabel=f"{words[error]} on {label(dataset)}")
            if log:
                one.set_xscale("log")
            set_title(one, dataset, correlation(known[complexity], known[error]))

        return draw

    return draw_panels(ax, {f"{at}": drawer(at, part) for at, part in by_dataset(rows).items()})


def complexity_correlation(frame: DataFrame, ax: Any = None, *, method: str = "spearman") -> Any:
    """Draw the correlation of the error with cumulative depth and width over datasets.

    The datasets stand in the order in which they first occur, so that a family such as ImageNet
    with 1000, 100, 10, 5 and 2 classes makes a curve (figures 6 and 7, table 4).

    Args:
        frame: A population with ``depth`` and ``width``, or settings of stages to sum.
        ax: Axes to draw on.
        method: "spearman", "kendall" or "pearson".

    Raises:
        SettingsError: A row is not as expected, or the method is unknown.
    """
    rows = with_totals(checked(frame))
    columns = {name: COMPLEXITIES[name] for name in ("depth", "width")}
    absent = missing_columns(rows, "Correlation with depth and width", columns)
    if absent or rows.empty:
        return draw_nothing(ax, absent or "no errors")
    table = complexity_correlations(rows, method=method)

    def draw(one: Axes) -> None:
        places = {name: place for place, name in enumerate(table["dataset"].unique())}
        looks = {"depth": (BLUE, "o", -0.08), "width": (ORANGE, "s", 0.08)}
        for name, part in table.groupby("complexity", sort=False):
            colour, marker, shift = looks[name]
            x = part["dataset"].map(places) + shift
            one.vlines(x, part["low"].fillna(part["correlation"]), part["high"].fillna(
                part["correlation"]), color=colour, lw=1.4)  # fmt: skip
            one.plot(x, part["correlation"], color=colour, marker=marker, label=columns[name])
        counts = table.groupby("dataset", sort=False)["nets"].max()
        names = [f"{label(name)}\nn={counts[name]:,}" for name in places]
        one.set_xticks(range(len(names)), names, rotation=30, ha="right")
        one.axhline(0, color="black", lw=0.8)
        one.set(ylim=(-1.03, 1.03), ylabel=f"correlation with error ({method}), 95 %")
        outer_legend(one)

    return draw_panels(ax, {"": draw})


def error_ecdf(frame: DataFrame, ax: Any = None, *, strict: bool = False) -> Any:
    """Draw the share of nets with at most an error, of the population and of sub-populations.

    A sub-population has a stage setting that ascends through the stages; its size is printed
    (figure 19). A curve further to the left is a better population.

    Args:
        frame: A population; with settings of stages, its sub-populations are drawn too.
        ax: Axes to draw on, one for each dataset.
        strict: Whether each step from stage to stage must go up (>); else it may stay level (>=).

    Raises:
        SettingsError: A row is not as expected.
    """
    rows = checked(frame)
    if rows.empty:
        return draw_nothing(ax, "no errors")
    check_unique(rows, NET)
    staged = [name for name, columns in stage_columns(rows).items() if len(columns) > 1]
    masks = {name: ascending(rows, name, strict=strict) for name in staged}

    def drawer(dataset: str, part: DataFrame) -> Callable[[Axes], None]:
        def draw(one: Axes) -> None:
            one.ecdf(part["error"], color="black", lw=2, label=f"all nets (n={len(part):,})")
            looks = zip(masks, (BLUE, ORANGE, RED, "#029e73"), ("-", "--", "-.", ":"), strict=False)
            for name, colour, line in looks:
                some = part.loc[masks[name][part.index], "error"]
                words = f"{name} ascends, {READINGS[strict]} (n={len(some):,})"
                if len(some):
                    one.ecdf(some, color=colour, ls=line, lw=1.5, label=words)
                else:
                    one.plot([], [], color=colour, ls=line, label=words)
            one.set(xlabel=f"error on {label(dataset)}", ylabel="share of nets with at most this")
            one.set(ylim=(0, 1.02))
            outer_legend(one)

        return draw

    return draw_panels(ax, {f"{at}": drawer(at, part) for at, part in by_dataset(rows).items()})


def best_configuration(frame: DataFrame, ax: Any = None, *, best: int = 15) -> Any:
    """Draw the stage settings of the best net and the mean of the best few (figure 20).

    A panel per setting has a line for each dataset; error bars are the standard deviation over
    the best few, and a cross is the best net.

    Args:
        frame: A population with settings of stages.
        ax: Axes to draw on, one for each setting.
        best: The number of nets to average.

    Raises:
        SettingsError: A row is not as expected, or ``best`` is less than 1.
    """
    import seaborn as sns

    rows = checked(frame)
    if not stage_columns(rows) or rows.empty:
        return draw_nothing(ax, f"The best configuration needs {_STAGES}")
    table = best_configurations(rows, best=best)
    names = list(table["dataset"].unique())
    colours = dict(zip(names, sns.color_palette("colorblind", len(names)), strict=True))

    def drawer(setting: str) -> Callable[[Axes], None]:
        def draw(one: Axes) -> None:
            some = table[table["setting"] == setting]
            for place, (name, part) in enumerate(some.groupby("dataset", observed=True)):
                x = part["stage"] + 0.5 * ((place + 1) / (len(names) + 1) - 0.5)
                marker = "os^Dv<>Pp*"[place % 10]
                one.errorbar(x, part["mean"], part["std"].fillna(0), color=colours[name], lw=1.2,
                             marker=marker, ms=5, capsize=2,
                             label=f"{label(name)} (n={part['nets'].iloc[0]})")  # fmt: skip
                one.scatter(x, part["best_net"], color=colours[name], marker="x", s=45, zorder=3)
            one.scatter([], [], color="black", marker="x", s=45, label="best net")
            one.set_xticks(sorted(some["stage"].unique()))
            one.set(xlabel="stage", ylabel=STAGE_SETTINGS[setting])
            one.set_ylim(bottom=0)
            outer_legend(one)

        return draw

    return draw_panels(ax, {name: drawer(name) for name in table["setting"].unique()})


def stage_scatter(frame: DataFrame, ax: Any = None, *, dataset: str = "") -> Any:
    """Draw the error against each setting of each stage, on one dataset (figures 22 to 34).

    The line joins the medians of equal settings, or of ten groups of equal size where there are
    more than twelve.

    Args:
        frame: A population with settings of stages.
        ax: Axes to draw on, one for each setting and stage.
        dataset: The dataset; "" if the frame has one only.

    Raises:
        SettingsError: A row is not as expected, or the frame has several datasets and none of
            them is named.
    """
    rows = checked(frame)
    stages = stage_columns(rows)
    if not stages or rows.empty:
        return draw_nothing(ax, f"The error by stage needs {_STAGES}")
    names = list(map(str, rows["dataset"].unique()))
    if dataset:
        check_dataset(dataset, names)
    elif len(names) > 1:
        raise SettingsError(f"the results are of {', '.join(names)}; name one with dataset=")
    rows = rows[rows["dataset"] == (dataset or names[0])]
    check_unique(rows, NET)
    settings = [(name, column) for name, columns in stages.items() for column in columns]
    return draw_panels(
        _stage_grid(ax, stages),
        {column: _stage(rows, *one) for one in settings for column in one[1:]},
    )


def _stage_grid(ax: Any, stages: dict[str, list[str]]) -> Any:
    from matplotlib import pyplot as plt

    across = {len(columns) for columns in stages.values()}
    if ax is not None or len(across) > 1:
        return ax
    columns = across.pop()
    size = (2.6 * columns, 2.3 * len(stages))
    _, grid = plt.subplots(
        len(stages), columns, figsize=size, sharey=True, layout="constrained", squeeze=False
    )
    return grid.ravel()


def _stage(rows: DataFrame, setting: str, column: str) -> Callable[[Axes], None]:
    def draw(ax: Axes) -> None:
        known = rows.dropna(subset=[column])
        if known.empty:
            raise NothingToDrawError(f"no net has {column}")
        ax.scatter(known[column], known["error"], s=7, color=GREY, alpha=0.6, linewidths=0)
        middles = _medians(known, column)
        ax.plot(middles.index, middles, color=ORANGE, lw=1.8)
        if setting in ("bottleneck", "group"):
            ticks = sorted(known[column].unique())
            ax.set_xscale("log", base=2)
            ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        stage = column.rpartition("_")[2]
        ax.set_title(f"{setting}, stage {stage} (n={len(known):,})", fontsize=8)
        ax.set_xlabel(STAGE_SETTINGS[setting], fontsize=8)
        if stage == "1":
            ax.set_ylabel(f"error on {label(known['dataset'].iloc[0])}", fontsize=8)
        ax.tick_params(labelsize=7)

    return draw


def _medians(rows: DataFrame, column: str) -> Any:
    """Return the median error at each value of a column, or at the middle of ten groups."""
    values = rows[column].astype("float64")
    if values.nunique() > 12:
        from pandas import qcut

        groups = qcut(values, 10, duplicates="drop")
        middle = values.groupby(groups, observed=True).median()
        medians = rows["error"].groupby(groups, observed=True).median()
        return medians.set_axis(np.asarray(middle))
    return rows["error"].groupby(values).median()
