"""Critical-difference diagram of nets over datasets (Demsar, 2006)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_analysis.plot.figure import NothingToDrawError, Panel, add_note, figure
from lemur_analysis.plot.style import label

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes


@figure(needs=("dataset", "nn", "accuracy"), panels=("task", "metric"), rows="nn")
def critical_difference(
    panel: Panel, *, alpha: float = 0.05, epoch: int = 0, keep: str = "blocks"
) -> None:
    """Draw the average ranks of nets over datasets, and groups without significant differences.

    Bars join nets whose difference is not significant in Nemenyi's test. ``epoch`` compares nets at
    one epoch; 0 uses the highest score over all epochs. ``keep``, ``blocks`` or ``nets``, is what
    to keep if nets have no score on some datasets.
    """
    from scikit_posthocs import critical_difference_diagram

    from lemur_analysis.stats.blocks import complete_blocks
    from lemur_analysis.stats.ranks import nemenyi_of, ranks_of, statistics_of

    groups = list(complete_blocks(panel.frame, epoch=epoch or None, keep=keep))
    if not groups:
        raise NothingToDrawError(f"no scores{f' at epoch {epoch}' if epoch else ''}")
    ((_, blocks),) = groups
    test = statistics_of(blocks, alpha)
    if test["p"] != test["p"]:
        raise NothingToDrawError(test["note"])
    scores = blocks.scores.set_axis(unique_labels(blocks.scores.columns), axis=1)
    add_note(panel.ax, f"{blocks.text}; {'best score' if not epoch else f'epoch {epoch}'}")
    add_note(panel.ax, f"Friedman p = {test['p']:.2g}; Nemenyi at {alpha:g}")
    nemenyi_notes = [note for note in test["note"].split("; ") if "Wilcoxon" not in note]
    for note in filter(None, nemenyi_notes):
        add_note(panel.ax, note)
    ranks = ranks_of(scores).mean()
    artists = critical_difference_diagram(
        ranks,
        nemenyi_of(scores),
        alpha=alpha,
        ax=panel.ax,
        # The spaces separate the elbow lines from the numbers.
        label_fmt_left="{label}  {rank:.1f}  ",
        label_fmt_right="  {rank:.1f}  {label}",
        label_props={"fontsize": "x-small"},
        elbow_props={"color": "0.5", "linewidth": 0.7},
        marker_props={"color": "black", "s": 9},
        crossbar_props={"linewidth": 2, "color": "#d55e00"},
    )
    for text in artists["labels"]:
        text.set_color("black")
    _draw_difference(panel.ax, float(ranks.min()), test["critical_difference"])


def _draw_difference(ax: Axes, start: float, difference: float) -> None:
    """Draw a bar of the length of the critical difference below the nets."""
    low, high = ax.get_ylim()
    height = high - low
    row = low - 0.1 * height
    ends = ax.get_xlim()
    ax.plot(
        [start, start + difference], [row, row], color="black", linewidth=1.2,
        marker="|", markersize=6, gid="critical difference",
    )  # fmt: skip
    ax.annotate(
        f"critical difference of average ranks: {difference:.2f}; rank 1 is the best",
        (start, row), xytext=(4, 3), textcoords="offset points", fontsize="x-small",
    )  # fmt: skip
    # Leave room for the tick labels above the axis.
    ax.set_ylim(row - 0.04 * height, high + 0.08 * height)
    ax.set_xlim(ends[0], max(ends[1], start + difference))


def unique_labels(names: Iterable[object]) -> list[str]:
    """Return short labels of nets; labels that would be equal get a number in parentheses."""
    seen: dict[str, int] = {}
    labels = []
    for name in names:
        text = label(name, 24)
        seen[text] = seen.get(text, 0) + 1
        labels.append(text if seen[text] == 1 else f"{text} ({seen[text]})")
    return labels
