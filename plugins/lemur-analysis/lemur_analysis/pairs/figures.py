"""Figures of pairs: densities, the space of hyperparameters, information and dependence."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_analysis.pairs.dependence import partial_dependence
from lemur_analysis.pairs.information import ESTIMATORS, mutual_information
from lemur_analysis.pairs.panels import USED, PanelPart, axis_label, count_text, pair_figure
from lemur_analysis.pairs.table import Pairs, short_name, split_names
from lemur_analysis.plot.figure import NothingToDrawError
from lemur_analysis.plot.style import GREY, label
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_LINES = ("-", "--", ":")
_DIFFERENCE = "absolute difference of the scores"
_ESTIMATOR_TITLES = {
    "plug-in": "plug-in, 10 bins",
    "plug-in-eleven": "plug-in as published, 11 bins",
    "ksg": "nearest neighbours (KSG), k=3",
}


@pair_figure()
def pair_densities(ax: Axes, pairs: Pairs, key: None, *, bandwidth: float = 0.03) -> None:
    """Draw the densities of both scores and of their difference (CrossedWires, figure 2).

    The kernels are normal and reflected at 0 and 1, so each curve has an area of 1 on [0, 1].

    Args:
        ax: The axes to draw on.
        pairs: The pairs to draw.
        key: Not used.
        bandwidth: Standard deviation of the kernel, in units of the score.
    """
    if not 0 < bandwidth <= 0.5:
        raise SettingsError(f"bandwidth is {bandwidth:g}; expected a number from 0 to 0.5")
    grid = np.linspace(0, 1, 501)
    curves = [(short_name(name), pairs.frame[name]) for name in pairs.scores]
    curves.append(("difference", pairs.difference))
    for color, line, (name, values) in zip(_colours(), _LINES, curves, strict=True):
        present = values.dropna().to_numpy()
        text = f"{label(name)} (n={len(present):,})"
        ax.plot(grid, density(present, grid, bandwidth), line, color=color, label=text, lw=1.6)
    ax.set(xlim=(0, 1), xlabel="score, or absolute difference of both scores")
    ax.set_ylabel(f"density, bandwidth {bandwidth:g}")
    ax.set_ylim(bottom=0)
    ax.legend(fontsize="small", frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


def density(values: NDArray[Any], grid: NDArray[Any], bandwidth: float) -> NDArray[Any]:
    """Return a kernel density estimate on [0, 1] with normal kernels reflected at both ends.

    Args:
        values: One or more values, 0 to 1.
        grid: Points at which to evaluate the density, 0 to 1.
        bandwidth: Standard deviation of the kernels.
    """
    from sklearn.neighbors import KernelDensity

    kernels = KernelDensity(bandwidth=bandwidth).fit(np.clip(values, 0, 1).reshape(-1, 1))
    mirrored = np.concatenate([grid, -grid, 2 - grid]).reshape(-1, 1)
    density: np.ndarray = np.exp(kernels.score_samples(mirrored)).reshape(3, -1).sum(axis=0)
    return density


def _two_by_two(pairs: Pairs, **_: Any) -> list[PanelPart]:
    names = [name for name in pairs.hyperparameters if pairs.frame[name].nunique() > 1]
    parts = [PanelPart(two) for two in combinations(names, 2)]
    return parts or [PanelPart(())]


@pair_figure(_two_by_two)
def pair_grid(ax: Axes, pairs: Pairs, key: tuple[str, str] | tuple[()]) -> None:
    """Draw pairs over each combination of two hyperparameters, coloured by their difference.

    Pairs with a difference up to the median are grey, so that the others stand out in print.
    """
    if not key:
        raise NothingToDrawError("no two hyperparameters vary")
    table = pairs.complete
    difference = table.difference
    above = difference > difference.median()
    low, high = (table.frame[part] for part in (~above, above))
    ax.scatter(low[key[0]], low[key[1]], s=8, color=GREY, linewidths=0)
    order = difference[above].sort_values(kind="stable").index
    marks = ax.scatter(
        high.loc[order, key[0]],
        high.loc[order, key[1]],
        c=difference[order],
        s=16,
        cmap="viridis_r",
        vmin=float(difference.median()),
        vmax=max(float(difference.max()), float(difference.median()) + 1e-12),
        linewidths=0,
    )
    ax.set(xlabel=axis_label(key[0]), ylabel=axis_label(key[1]))
    bar = ax.figure.colorbar(marks, ax=ax)
    bar.set_label(f"difference, {count_text(pairs)}\n(grey: up to the median)", fontsize="small")


def pair_space(
    frame: Any,
    ax: Any = None,
    *,
    axes: str = "",
    scores: str = "",
    hyperparameters: str = "",
) -> Any:
    """Draw pairs in the space of three hyperparameters (CrossedWires, figure 3).

    The colour shows the difference of the scores, grey up to the median; the size shows a fourth
    hyperparameter. `pair_grid` is easier to read in print.

    Args:
        frame: Pairs, as for `read_pairs`.
        ax: Three-dimensional axes, one per group of pairs; None creates a figure.
        axes: Names of the hyperparameters along x, y and z, and optionally of the one shown as
            size, separated by ``+``. By default, batch size, learning rate, epochs and epsilon come
            first.
        scores: The two columns of scores, separated by ``+``.
        hyperparameters: The columns of hyperparameters, separated by ``+``.
    """
    from lemur_analysis.pairs.space import draw_space

    return draw_space(frame, ax, axes, scores, hyperparameters)


def _by_estimator(pairs: Pairs, *, estimators: str, **_: Any) -> list[PanelPart]:
    return [PanelPart(name, _ESTIMATOR_TITLES.get(name, name)) for name in split_names(estimators)]


@pair_figure(_by_estimator)
def pair_information(
    ax: Axes,
    pairs: Pairs,
    key: str,
    *,
    estimators: str = "+".join(ESTIMATORS),
    permutations: int = 200,
    repeats: int = 50,
    seed: int = 0,
) -> None:
    """Draw the mutual information of hyperparameters and the difference, and its null distribution.

    Each panel shows one estimator. The null distribution is that of the estimates after shuffling
    the differences. Grey bars show its mean, and lines its 95th percentile. Points show the
    information, and numbers its excess over the mean of the null distribution.
    """
    table = mutual_information(
        pairs.frame,
        scores=pairs.scores,
        hyperparameters=pairs.hyperparameters,
        estimators=key,
        permutations=permutations,
        repeats=repeats,
        seed=seed,
    )
    places = np.arange(len(table))[::-1]
    single, double, _ = _colours()
    if permutations:
        ax.barh(places, table["null"], color="#d8d8d8", label="null: mean, 95th percentile")
        ax.hlines(places, table["null"], table["null_95"], color="#808080", lw=1)
    for size, color, marker, name in ((1, single, "o", "single"), (2, double, "D", "pair")):
        of_size = (table["size"] == size).to_numpy()
        if of_size.any():
            values = table["information"][of_size]
            ax.plot(values, places[of_size], marker, color=color, label=name, ms=5)
    most = max(table["information"].max(), table["null_95"].fillna(0).max(), 1e-3)
    if permutations:
        for place, excess in zip(places, table["excess"], strict=True):
            ax.text(most * 1.08, place, f"{excess:+.3f}", va="center", fontsize="x-small")
        ax.text(most * 1.08, len(table) - 0.3, "excess", fontsize="x-small", style="italic")
    ax.set_yticks(places, [label(name) for name in table["variables"]], fontsize="x-small")
    least = min(0, table["information"].min(), table["null"].fillna(0).min())
    ax.set(xlim=(least * 1.1, most * 1.3), ylim=(-0.7, len(table) + 0.4))
    ax.set_xlabel(f"mutual information with the difference, nats (n={table['pairs'].iloc[0]:,})")
    ax.legend(
        fontsize="x-small", frameon=False, ncols=3, loc="upper left", bbox_to_anchor=(0, -0.2)
    )


pair_space.needs, pair_space.uses = (), USED  # type: ignore[attr-defined]


@pair_figure()
def pair_dependence(ax: Axes, pairs: Pairs, key: None, *, points: int = 40, seed: int = 0) -> None:
    """Draw the partial dependence of the predicted difference on each hyperparameter.

    Nothing is drawn unless the model's cross-validated R2 is above 0.
    """
    table = partial_dependence(
        pairs.frame,
        scores=pairs.scores,
        hyperparameters=pairs.hyperparameters,
        points=points,
        seed=seed,
    )
    r2 = table["r2"].iloc[0]
    if not r2 > 0:
        raise NothingToDrawError(
            f"no partial dependence: the model's cross-validated R2 is {r2:.2f}, "
            f"so hyperparameters do not predict the difference ({count_text(pairs)})"
        )
    names = list(table["hyperparameter"].unique())
    for at, name in enumerate(names):
        curve = table[table["hyperparameter"] == name]
        low, high = curve["value"].iloc[0], curve["value"].iloc[-1]
        text = f"{axis_label(name)}, {low:.3g} to {high:.3g}"
        share = (curve["value"] - low) / (high - low)
        ax.plot(share, curve["difference"], _line(at), color=_colour(at), label=text, lw=1.6)
    ax.set(xlim=(0, 1), xlabel="hyperparameter, from its 5th to its 95th percentile")
    ax.set_ylabel(f"{_DIFFERENCE}, predicted")
    ax.set_ylim(bottom=0)
    ax.legend(
        title=f"cross-validated R2 {r2:.2f}\n{count_text(pairs)}",
        alignment="left",
        title_fontsize="x-small",
        fontsize="x-small",
        frameon=False,
        loc="upper left",
        bbox_to_anchor=(1, 1),
    )


def _colours() -> Sequence[Any]:
    return [_colour(0), _colour(1), "black"]


def _colour(index: int) -> Any:
    import seaborn as sns

    return sns.color_palette("colorblind", 10)[index % 10]


def _line(index: int) -> str:
    return ("-", "--", "-.", ":")[index % 4]
