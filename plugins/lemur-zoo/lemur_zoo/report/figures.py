"""The figures of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lemur_zoo.analysis.projection import principal_components

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy import float64
    from numpy.typing import NDArray

    from lemur_zoo.zoo import Zoo

_MOST_BOXES = 26
_WIDTH, _HEIGHT = 6.4, 4.0
_COLOURED = ("init", "activation", "optimizer", "lr", "dropout")


def draw_figures(zoo: Zoo, members: Sequence[int], folder: Path) -> Iterator[tuple[str, str]]:
    """Draw the figures as PNG files, and yield the name of each file and its caption.

    Args:
        zoo: The zoo.
        members: Numbers of the members in the pictures of weights.
        folder: Folder of the files.
    """
    yield _accuracies(zoo, folder)
    coordinates, shares = principal_components(zoo.at(zoo.compared_epoch, members))
    varied = [name for name in _COLOURED if len(zoo.spec.factors[name]) > 1]
    for name in varied or ["test accuracy"]:
        yield _members(zoo, members, coordinates, shares, name, folder)


def _accuracies(zoo: Zoo, folder: Path) -> tuple[str, str]:
    figure, axes = _figure()
    first = zoo.header.first_epoch
    last = zoo.compared_epoch
    step = max(1, -(-(last + 1 - first) // _MOST_BOXES))
    epochs = list(range(first, last + 1, step))
    values = [zoo.scores[:, epoch, 2, 1] for epoch in epochs]
    values = [part[np.isfinite(part)] for part in values]
    axes.boxplot(values, positions=epochs, widths=0.7 * step, manage_ticks=False, flierprops={
        "markersize": 2, "alpha": 0.4,
    })  # fmt: skip
    axes.set(xlabel="epoch", ylabel="test accuracy", ylim=(0, 1))
    caption = f"Test accuracy of the {len(zoo):,} members after each epoch."
    return _saved(figure, folder, "accuracy.png"), caption


def _members(
    zoo: Zoo,
    members: Sequence[int],
    coordinates: NDArray[float64],
    shares: NDArray[float64],
    name: str,
    folder: Path,
) -> tuple[str, str]:
    figure, axes = _figure()
    if name == "test accuracy":
        values = zoo.scores[list(members), zoo.compared_epoch, 2, 1]
        points = axes.scatter(coordinates[:, 0], coordinates[:, 1], c=values, s=10)
        figure.colorbar(points, label=name)
    else:
        _coloured(axes, zoo, members, coordinates, name)
    axes.set(
        xlabel=f"first component ({shares[0]:.0%} of the variance)",
        ylabel=f"second component ({shares[1]:.0%})",
    )
    caption = (
        f"Members after epoch {zoo.compared_epoch} along the principal components of their "
        f"weights, coloured by {name}."
    )
    return _saved(figure, folder, f"members-{name.replace(' ', '-')}.png"), caption


def _coloured(
    axes: Axes, zoo: Zoo, members: Sequence[int], coordinates: NDArray[float64], name: str
) -> None:
    given = [zoo.population[member].values[name] for member in members]
    for value in dict.fromkeys(given):
        chosen = [other == value for other in given]
        first, second = coordinates[chosen].T
        axes.scatter(first, second, s=10, alpha=0.7, label=str(value))
    axes.legend(title=name)


def _figure() -> tuple[Figure, Axes]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots()


def _saved(figure: Figure, folder: Path, name: str) -> str:
    figure.savefig(folder / name, dpi=130, metadata={"Software": None})
    return name
