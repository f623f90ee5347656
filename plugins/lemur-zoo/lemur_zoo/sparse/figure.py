"""The figure of sparse twins: sparsity and accuracy after each epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from pandas import DataFrame

    from lemur_zoo.sparse.twins import SparseTwins

FILE = "trajectory.png"
_WIDTH, _HEIGHT = 8.0, 3.6
# Two points below a member's accuracy.
_POINTS = 0.02


def draw_trajectory(twins: SparseTwins, folder: Path) -> Path:
    """Draw the sparsity and the accuracy of the twins after each epoch, and return the PNG file.

    The second picture shows accuracies less those of the members.

    Args:
        twins: The twins.
        folder: Folder of the file.

    Raises:
        WriteError: The file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from lemur_core.files import write_errors

    figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    frame = twins.trajectory
    _draw(left, frame.pivot(index="epoch", columns="member", values="sparsity"))
    left.set(xlabel="epoch", ylabel="share of the weights that is cut", ylim=(0, 1))
    left.legend(loc="lower right")
    accuracy = frame.pivot(index="epoch", columns="member", values="test_accuracy")
    _draw(right, accuracy - accuracy.loc[0])
    right.axhline(-_POINTS, color="black", linestyle=":", linewidth=1, label="two points")
    right.legend(handles=right.lines[-1:], loc="lower left")
    right.set(xlabel="epoch", ylabel="test accuracy, less that of the member")
    path = folder / FILE
    with write_errors(path):
        figure.savefig(path, dpi=130, metadata={"Software": None})
    return path


def _draw(axes: Axes, values: DataFrame) -> None:
    """Draw the median of the twins, and the ranges of all and of the middle half of them."""
    epochs, rows = values.index, values.to_numpy()
    lowest, low, median, high, highest = np.nanpercentile(rows, [0, 25, 50, 75, 100], axis=1)
    axes.fill_between(epochs, lowest, highest, alpha=0.15, color="C0", label="all twins")
    axes.fill_between(epochs, low, high, alpha=0.3, color="C0", label="middle half")
    axes.plot(epochs, median, color="C0", label="median")
