"""``lemur show scores``: scores of trials against a hyperparameter."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from lemur_analysis.chart.text import chart_width, number_text
from lemur_analysis.cli.picture_option import output_option, write_picture
from lemur_analysis.views.curves import ALIASES
from lemur_core.commands import (
    arguments_of,
    db_option,
    filter_options,
    print_lines,
    print_unrecorded,
    shortened,
)
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lemur_analysis.chart.axes import Axis
    from lemur_analysis.views.scores import NetScores, ScoreChart

EPILOG = """\b
Examples:
  lemur show scores --x lr
  lemur show scores --x transform --dataset digits --y accuracy
  lemur show scores --x lr --net ResNet --where batch=32,64 --output lr.png"""
_MOST_CHARTS = 6
_MOST_CATEGORIES = 20
_FURTHER = "."
_LONGEST = 16


@click.command(epilog=EPILOG)
@click.option("--x", metavar="NAME", required=True, help="A hyperparameter, column or fact.")
@click.option(
    "--y",
    metavar="NAME",
    default="validation",
    show_default=True,
    help="validation, accuracy (the test score), or any other column or fact of numbers.",
)
@filter_options
@output_option
@db_option
def scores(x: str, y: str, output: Path | None, db: str, **filters: Any) -> None:
    """Draw the score of each trial against a hyperparameter.

    The score of a trial is that of its best epoch by validation, or of the epoch that --epoch
    names. Each task, dataset and metric has its own chart, and each net its own marker. The axis is
    logarithmic if the values are positive and span more than two decades; values that are not
    numbers are categories.
    """
    from lemur_analysis.views.scores import score_charts, score_columns
    from lemur_core import data

    y = ALIASES.get(y, y)
    arguments = arguments_of(db, filters)
    frame = data(**arguments, columns=score_columns(x, y), per="trial", db=db)
    if frame.empty:
        print_unrecorded(arguments, db)
        raise SettingsError("no recorded results match, so there is nothing to draw")
    charts = list(score_charts(frame, x, y))
    drawable = [chart for chart in charts if chart.nets]
    if not drawable:
        raise SettingsError("; ".join(dict.fromkeys(_notes(charts[0]))))
    if output is None:
        print_lines(_text(charts))
        return
    from lemur_analysis.plot.trials import scores_figure

    write_picture(scores_figure(drawable), output)


def _text(charts: Sequence[ScoreChart]) -> Iterator[str]:
    for number, chart in enumerate(charts[:_MOST_CHARTS]):
        if number:
            yield ""
        yield from _lines(chart, chart_width())
    if len(charts) > _MOST_CHARTS:
        yield (
            f"the first {_MOST_CHARTS} of {len(charts)} charts; choose results with --dataset, "
            "--metric or --task"
        )


def _lines(chart: ScoreChart, width: int) -> Iterator[str]:
    from lemur_analysis.chart.axes import number_axis
    from lemur_analysis.chart.canvas import MarkedPoints
    from lemur_analysis.chart.canvas import chart as drawn

    score_axis = number_axis([score for _, score in chart.points]) if chart.nets else None
    scale = " (logarithmic)" if score_axis and score_axis.log else ""
    yield shortened(f"{chart.label}{scale} against {chart.x}, {chart.title}", width)
    if score_axis is None:
        yield from _notes(chart)
        return
    marked = list(_marked(chart.nets))
    # The best net is drawn over the others.
    if chart.categories:
        places, axis = _categories(chart, width)
        lines = [
            MarkedPoints(
                [(score, places[value]) for value, score in net.points if value in places],
                marker,
                joined=False,
            )
            for net, marker in marked[::-1]
        ]
        rows = len(places)
        yield from drawn(lines, score_axis, axis, width=width, rows=rows, label=chart.label)
    else:
        lines = [MarkedPoints(net.points, marker, joined=False) for net, marker in marked[::-1]]
        x = number_axis([value for value, _ in chart.points])
        label = f"{chart.x} (logarithmic)" if x.log else chart.x
        yield from drawn(lines, x, score_axis, width=width, label=label)
    yield from _legend(chart, marked, width)
    yield from _notes(chart)


def _marked(nets: Sequence[NetScores]) -> Iterator[tuple[NetScores, str]]:
    from lemur_analysis.chart.canvas import MARKERS

    for number, net in enumerate(nets):
        yield net, MARKERS[number] if number < len(MARKERS) else _FURTHER


def _categories(chart: ScoreChart, width: int) -> tuple[dict[str, float], Axis]:
    """Return the place of each category that is drawn, and the axis."""
    from lemur_analysis.chart.axes import category_axis

    counts = Counter(value for value, _ in chart.points)
    frequent = sorted(counts, key=lambda name: (-counts[name], name))[:_MOST_CATEGORIES]
    names = sorted(frequent)
    axis = category_axis([shortened(f"{name} ({counts[name]})", width // 3) for name in names])
    return {name: -float(number) for number, name in enumerate(names)}, axis


def _legend(
    chart: ScoreChart, marked: Sequence[tuple[NetScores, str]], width: int
) -> Iterator[str]:
    pick, extreme = (min, "lowest") if chart.is_loss else (max, "highest")
    for net, marker in marked:
        if marker == _FURTHER:
            break
        value, score = pick(net.points, key=lambda point: point[1])
        at = f"{value:.4g}" if isinstance(value, float) else shortened(str(value), _LONGEST)
        count = "1 trial" if len(net.points) == 1 else f"{len(net.points):,} trials"
        x = shortened(chart.x, _LONGEST)
        text = f"{count}, {extreme} {number_text(score)} at {x}={at}"
        yield f"{marker} {shortened(net.net, max(width - len(text) - 4, _LONGEST))}  {text}"
    further = sum(marker == _FURTHER for _, marker in marked)
    if further:
        yield f"{_FURTHER} {further:,} further net{'s' if further > 1 else ''}"
    left_out = len({value for value, _ in chart.points}) - _MOST_CATEGORIES
    if chart.categories and left_out > 0:
        yield f"the {_MOST_CATEGORIES} most frequent values; {left_out:,} others are not drawn"


def _notes(chart: ScoreChart) -> Iterator[str]:
    for count, what in ((chart.without, chart.x), (chart.unscored, chart.label)):
        if count:
            trials = "1 trial has" if count == 1 else f"{count:,} trials have"
            yield f"{trials} no {what}"
