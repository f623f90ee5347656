"""The figures of a report."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lemur_zoo.analysis.projection import (
    FEWEST_NEIGHBOURS,
    principal_components,
    umap_coordinates,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy import float32, float64
    from numpy.typing import NDArray

    from lemur_zoo.zoo import Zoo

_MOST_BOXES = 26
_WIDTH, _HEIGHT = 6.4, 4.0
_COLOURED = ("init", "activation", "optimizer", "lr", "dropout")


class _Plane(NamedTuple):
    """Coordinates of members in a plane, and what their picture is called.

    Attributes:
        prefix: Beginning of the name of the file.
        coordinates: Shape ``(members, 2)``.
        labels: Labels of the axes.
        described: What the caption says of the coordinates.
    """

    prefix: str
    coordinates: NDArray[float64]
    labels: tuple[str, str]
    described: str


def draw_figures(zoo: Zoo, members: Sequence[int], folder: Path) -> Iterator[tuple[str, str]]:
    """Draw the figures as PNG files, and yield the name of each file and its caption.

    Args:
        zoo: The zoo.
        members: Numbers of the members in the pictures of weights.
        folder: Folder of the files.
    """
    yield _accuracies(zoo, folder)
    varied = [name for name in _COLOURED if len(zoo.spec.factors[name]) > 1]
    for plane in _planes(zoo.at(zoo.compared_epoch, members)):
        for name in varied or ["test accuracy"]:
            yield _members(zoo, members, plane, name, folder)


def why_no_umap(members: int) -> str:
    """Return why there are no pictures by UMAP, an empty text if there are some.

    Args:
        members: Number of members in the pictures.
    """
    if members <= FEWEST_NEIGHBOURS:
        return f"pictures by UMAP: not drawn ({members} members; expected more than 15)"
    if find_spec("umap") is None:
        return "pictures by UMAP: not drawn (pip install 'lemur-zoo[umap]')"
    return ""


def _planes(weights: NDArray[float32]) -> Iterator[_Plane]:
    coordinates, shares = principal_components(weights)
    labels = (
        f"first component ({shares[0]:.0%} of the variance)",
        f"second component ({shares[1]:.0%})",
    )
    yield _Plane("members", coordinates, labels, "along the principal components of their weights")
    if not why_no_umap(len(weights)):
        coordinates = umap_coordinates(weights)
        yield _Plane("umap", coordinates, ("UMAP 1", "UMAP 2"), "in UMAP's plane of their weights")


def _accuracies(zoo: Zoo, folder: Path) -> tuple[str, str]:
    from matplotlib.ticker import MaxNLocator

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
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    caption = f"Test accuracy of the {len(zoo):,} members after each epoch."
    return _saved(figure, folder, "accuracy.png"), caption


def _members(
    zoo: Zoo, members: Sequence[int], plane: _Plane, name: str, folder: Path
) -> tuple[str, str]:
    figure, axes = _figure()
    first, second = plane.coordinates.T
    if name == "test accuracy":
        values = zoo.scores[list(members), zoo.compared_epoch, 2, 1]
        figure.colorbar(axes.scatter(first, second, c=values, s=10), label=name)
    else:
        _coloured(axes, zoo, members, plane.coordinates, name)
    axes.set(xlabel=plane.labels[0], ylabel=plane.labels[1])
    caption = f"Members after epoch {zoo.compared_epoch} {plane.described}, coloured by {name}."
    return _saved(figure, folder, f"{plane.prefix}-{name.replace(' ', '-')}.png"), caption


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
