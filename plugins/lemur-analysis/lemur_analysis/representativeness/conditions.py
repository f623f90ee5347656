"""Figures of control experiments, which need additional runs.

They are figures 9 to 13 and 16 to 18 of Tuggener et al. (2022). If a frame lacks the runs, the
figure shows which column is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_analysis.plot.figure import NothingToDrawError
from lemur_analysis.plot.style import label
from lemur_analysis.representativeness.controls import (
    changes_of,
    condition_gains,
    is_changed,
    paired,
    training_noise,
)
from lemur_analysis.representativeness.correlation import Correlation, correlation
from lemur_analysis.representativeness.panels import (
    BLUE,
    GREY,
    ORANGE,
    RED,
    by_dataset,
    draw_nothing,
    draw_panels,
    identity,
    missing_columns,
    outer_legend,
    set_title,
)
from lemur_analysis.representativeness.population import (
    NET,
    check_unique,
    population_of,
    runs_from_results,
    valid_rows,
)
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from pandas import DataFrame


def longer_training(frame: DataFrame, ax: Any = None, *, extremes: int = 5) -> Any:
    """Draw the error of each net after trainings of several lengths (figures 9 to 11).

    The best and worst nets after the shortest training are coloured. The title shows the rank
    correlation between the shortest and the longest training.

    Args:
        frame: A population with the column ``epochs``, the length of each training.
        ax: Axes to draw on, one per dataset.
        extremes: Number of best and of worst nets to mark, each at most a third of the nets.

    Raises:
        SettingsError: A row is invalid.
    """
    if extremes < 0:
        raise SettingsError(f"extremes is {extremes}; expected a whole number from 0")
    rows = valid_rows(frame)
    absent = missing_columns(rows, "Longer training", {"epochs": "length of each training"})
    if absent or rows.empty:
        return draw_nothing(ax, absent or "no errors")
    rows = rows.dropna(subset=["epochs"])
    check_unique(rows, (*NET, "epochs"))
    return draw_panels(
        ax, {f"{at}": _lengths(at, part, extremes) for at, part in by_dataset(rows).items()}
    )


def _lengths(dataset: str, rows: DataFrame, extremes: int) -> Callable[[Axes], None]:
    def draw(ax: Axes) -> None:
        table = rows.pivot(index="net", columns="epochs", values="error").sort_index(axis=1)
        if len(table.columns) < 2:
            raise NothingToDrawError(
                f"Longer training on {label(dataset)} needs trainings of two lengths; all have "
                f"{table.columns[0]:g} epochs"
            )
        short, long = table.columns[0], table.columns[-1]
        order = table[short].dropna().sort_values(kind="stable").index
        marked = min(extremes, len(order) // 3)
        best, worst = set(order[:marked]), set(order[len(order) - marked :])
        for net, line in table.iterrows():
            present = line.dropna()
            colour = ORANGE if net in best else RED if net in worst else GREY
            mark = "^" if net in best else "X" if net in worst else "o"
            front = 2 if colour == GREY else 3
            ax.plot(
                present.index,
                present,
                color=colour,
                marker=mark,
                ms=4,
                lw=0.8,
                alpha=0.8,
                zorder=front,
            )
        for colour, mark, name in ((ORANGE, "^", "best"), (RED, "X", "worst")):
            if marked:
                ax.plot([], [], color=colour, marker=mark, ms=4,
                        label=f"{marked} {name} after {short:g} epochs")  # fmt: skip
        ax.plot([], [], color=GREY, marker="o", ms=4, label="other nets")
        ax.set_xscale("log")
        ax.set_xticks(list(table.columns), [f"{value:g}" for value in table.columns])
        ax.minorticks_off()
        ax.set(xlabel="epochs of training", ylabel=f"error on {label(dataset)}")
        set_title(ax, dataset, correlation(table[short], table[long]))
        outer_legend(ax)

    return draw


def noise_of_training(
    frame: DataFrame, ax: Any = None, *, at_epoch: int = 0, least: int = 5, most: int = 10
) -> Any:
    """Draw the spread of single nets' runs next to that of the population (figure 12).

    Box plots show quartiles, with whiskers up to 1.5 interquartile ranges. In results, the runs of
    a net are its trials, which may have different hyperparameters.

    Args:
        frame: A population with several rows per net and dataset, or results.
        ax: Axes to draw on, one per dataset.
        at_epoch: For results: ignore later epochs; 0 uses all epochs.
        least: Minimum number of runs of a net to draw.
        most: Maximum number of nets to draw, those with the most runs.

    Raises:
        SettingsError: A row is invalid.
    """
    if "error" in frame.columns:
        runs = population_of(frame, at_epoch=at_epoch)
    else:
        runs = runs_from_results(frame, at_epoch=at_epoch)
    if runs.empty:
        return draw_nothing(ax, "no errors")
    return draw_panels(
        ax, {f"{at}": _spread(at, part, least, most) for at, part in by_dataset(runs).items()}
    )


def _spread(dataset: str, runs: DataFrame, least: int, most: int) -> Callable[[Axes], None]:
    def draw(ax: Axes) -> None:
        table = training_noise(runs, least=least)
        repeated = table.dropna(subset=["net"]).sort_values(
            ["count", "net"], ascending=[False, True]
        )
        if repeated.empty:
            raise NothingToDrawError(
                f"Training noise on {label(dataset)} needs nets with {least} runs; the largest "
                f"number of runs is {runs.groupby('net', observed=True).size().max()}"
            )
        nets = list(repeated["net"].head(most))
        means = runs.groupby("net", observed=True)["error"].mean()
        values = [means, *(runs.loc[runs["net"] == net, "error"] for net in nets)]
        names = [f"all nets, mean of each (n={len(means):,})"]
        names += [
            f"{label(net)} (n={len(errors):,})"
            for net, errors in zip(nets, values[1:], strict=True)
        ]
        boxes = ax.boxplot(
            [list(errors) for errors in values], orientation="horizontal", widths=0.6,
            patch_artist=True, flierprops={"markersize": 2}, medianprops={"color": "black"},
        )  # fmt: skip
        for place, box in enumerate(boxes["boxes"]):
            box.set_facecolor(ORANGE if place == 0 else BLUE)
            box.set_alpha(0.7)
        ax.set_yticks(range(1, len(names) + 1), names, fontsize=8)
        ax.invert_yaxis()
        ax.set(xlabel=f"error on {label(dataset)}")

    return draw


def top1_against_top5(frame: DataFrame, ax: Any = None) -> Any:
    """Draw each net's top-5 error against its top-1 error, one panel per dataset (figure 13).

    Args:
        frame: A population with top-1 errors in ``error`` and the column ``top5_error``.
        ax: Axes to draw on, one per dataset.

    Raises:
        SettingsError: A row is invalid.
    """
    rows = valid_rows(frame)
    absent = missing_columns(rows, "Top-1 against top-5", {"top5_error": "top-5 error"})
    if absent or rows.empty:
        return draw_nothing(ax, absent or "no errors")
    check_unique(rows, NET)
    return draw_panels(
        ax,
        {
            f"{at}": _pairs(at, part["error"], part["top5_error"], "top-1 error", "top-5 error")
            for at, part in by_dataset(rows).items()
        },
    )


def balanced_errors(frame: DataFrame, ax: Any = None) -> Any:
    """Draw errors after training on balanced against unbalanced classes (figures 16 and 17).

    Args:
        frame: A population with the boolean column ``balanced``.
        ax: Axes to draw on, one per dataset.

    Raises:
        SettingsError: A row is invalid.
    """
    rows = valid_rows(frame)
    needed = {"balanced": "whether the net was trained on balanced classes"}
    absent = missing_columns(rows, "The effect of balanced classes", needed)
    words = ("trained on balanced classes", "trained on unbalanced classes")
    return draw_nothing(ax, absent) if absent else _condition(rows, ax, "balanced", *words)


def pretraining_gain(frame: DataFrame, ax: Any = None) -> Any:
    """Draw errors with pretraining against errors from scratch, and the mean gain (figure 18).

    Args:
        frame: A population with the boolean column ``pretrained``.
        ax: Axes to draw on, one per dataset.

    Raises:
        SettingsError: A row is invalid.
    """
    rows = valid_rows(frame)
    needed = {"pretrained": "whether the net was pretrained on other data"}
    absent = missing_columns(rows, "The gain of pretraining", needed)
    words = ("pretrained", "trained from scratch")
    return draw_nothing(ax, absent) if absent else _condition(rows, ax, "pretrained", *words)


def changed_hyperparameters(frame: DataFrame, ax: Any = None) -> Any:
    """Draw errors with changed hyperparameters, such as the stem, against those of the population.

    Args:
        frame: A population with the column ``changed``: what is changed, for example
            ``stem=cifar``, the same for all rows; empty or missing if nothing is.
        ax: Axes to draw on, one per dataset.

    Raises:
        SettingsError: A row is invalid, or rows differ in what is changed.
    """
    rows = valid_rows(frame)
    needed = {"changed": "which hyperparameters are changed"}
    absent = missing_columns(rows, "The effect of hyperparameters", needed)
    if absent:
        return draw_nothing(ax, absent)
    changed = changes_of(rows)
    if len(changed) > 1:
        raise SettingsError(f"rows have {' and '.join(changed)}; draw one of them at a time")
    # A line for each hyperparameter, because the label of an axis is short.
    lines = "".join(changed).replace(", ", ",\n")
    words = (f"trained with {lines}", "trained as in the population")
    return _condition(rows.assign(changed=is_changed(rows)), ax, "changed", *words)


def _condition(rows: DataFrame, ax: Any, column: str, with_it: str, without: str) -> Any:
    pairs = paired(rows, column)
    gains = condition_gains(rows, column).set_index("dataset")
    if pairs.empty:
        return draw_nothing(ax, f"No net was both {with_it} and {without}")

    def drawer(dataset: str, part: DataFrame) -> Callable[[Axes], None]:
        gain = gains.loc[dataset]
        draw = _pairs(
            dataset, part["without"], part["with"], f"error, {without}", f"error, {with_it}"
        )

        def draw_with_gain(ax: Axes) -> None:
            draw(ax)
            has_std = not np.isnan(gain["std_gain"])
            spread = f", standard deviation {gain['std_gain']:.3f}" if has_std else ""
            ax.set_xlabel(f"{ax.get_xlabel()}\nmean gain {gain['mean_gain']:.3f}{spread}")
            identity(ax)

        return draw_with_gain

    return draw_panels(ax, {f"{at}": drawer(at, part) for at, part in by_dataset(pairs).items()})


def _pairs(dataset: str, x: Any, y: Any, x_label: str, y_label: str) -> Callable[[Axes], None]:
    def draw(ax: Axes) -> None:
        both = x.notna() & y.notna()
        if not both.any():
            raise NothingToDrawError(f"no net has both {x_label} and {y_label} on {label(dataset)}")
        ax.scatter(x[both], y[both], s=14, color=BLUE, alpha=0.7, linewidths=0)
        ax.set(xlabel=x_label, ylabel=y_label)
        value: Correlation = correlation(x, y)
        set_title(ax, dataset, value)

    return draw
