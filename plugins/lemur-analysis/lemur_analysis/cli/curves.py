"""``lemur show curves``: learning curves of trials, in the terminal or as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lemur_analysis.chart.text import LEAST_WIDTH, chart_width, number_text
from lemur_analysis.cli.picture_option import output_option, write_picture
from lemur_core.commands import (
    complete_trials,
    db_option,
    print_line,
    print_lines,
    shortened,
    trials_named,
)
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pandas import DataFrame

    from lemur_analysis.views.curves import CurveChart, TrialCurve

EPILOG = """\b
Examples:
  lemur show curves last
  lemur show curves 3 1f2e3d4c --y loss
  lemur show curves 'img-classification_digits_*' --output curves.png
  lemur show curves img-classification_digits_acc_ResNet --all --y validation"""
# More would not be told apart without colours.
_MOST_CURVES = 8
_MOST_CHARTS = 12
_FEW = 3


@click.command(epilog=EPILOG)
@click.argument(
    "names", metavar="UID|PATTERN...", nargs=-1, required=True, shell_complete=complete_trials
)
@click.option(
    "--y",
    metavar="A,B,...",
    help="What to draw: validation, accuracy (the test score), loss, validation_loss, or any other "
    "column or fact of numbers; each has its own chart.  [the scores, and the losses if they were "
    "recorded]",
)
@click.option(
    "--all", "every", is_flag=True, help="All trials of a pipeline or pattern, not only the best."
)
@output_option
@db_option
def curves(
    names: tuple[str, ...], y: str | None, every: bool, output: Path | None, db: str
) -> None:
    """Draw learning curves of trials: scores and losses at each epoch.

    UID is the id of a trial or the beginning of one, its number, last, best, or a pipeline, whose
    best trial is drawn. A PATTERN of pipelines, as lemur run takes them, stands for the best trial
    of each. Trials of different datasets or metrics have charts of their own.
    """
    from lemur_analysis.views.curves import ALIASES, columns_of, curve_charts
    from lemur_core import data

    wanted = [ALIASES.get(name.strip(), name.strip()) for name in y.split(",")] if y else []
    uids = trials_named(db, names, every=every)
    frame = data(where={"trial": uids}, columns=columns_of(wanted), db=db)
    _report_without_epochs(uids, frame)
    charts = list(curve_charts(frame, wanted))
    if all(chart.is_empty for chart in charts):
        labels = " or ".join(dict.fromkeys(chart.label for chart in charts))
        raise SettingsError(f"{_count(len(uids), 'has', 'have')} no {labels}")
    if output is None:
        print_lines(_text(charts))
        return
    from lemur_analysis.plot.trials import curves_figure

    write_picture(curves_figure([chart for chart in charts if not chart.is_empty]), output)


def _report_without_epochs(uids: Sequence[str], frame: DataFrame) -> None:
    trained = set(frame["trial"])
    missing = [uid[:8] for uid in uids if uid not in trained]
    shown = ", ".join(missing[:_FEW]) + (", ..." if len(missing) > _FEW else "")
    count = _count(len(missing), "has", "have")
    line = f"{count} no epoch: {shown} (lemur show trial ID says why)"
    if not trained:
        raise SettingsError(line)
    if missing:
        print_line(line, err=True)


def _text(charts: Sequence[CurveChart]) -> Iterator[str]:
    for number, chart in enumerate(charts[:_MOST_CHARTS]):
        if number:
            yield ""
        yield from _lines(chart, chart_width())
    if len(charts) > _MOST_CHARTS:
        yield f"the first {_MOST_CHARTS} of {len(charts)} charts; name fewer trials"


def _lines(chart: CurveChart, width: int) -> Iterator[str]:
    from lemur_analysis.chart.axes import number_axis
    from lemur_analysis.chart.canvas import MARKERS, MarkedPoints
    from lemur_analysis.chart.canvas import chart as drawn

    shown = [curve for curve in chart.curves if curve.present][:_MOST_CURVES]
    points = [point for curve in shown for point in curve.present]
    y = number_axis([value for _, value in points]) if points else None
    scale = " (logarithmic)" if y and y.log else ""
    yield shortened(f"{chart.label}{scale}, {chart.title}", width)
    if y is None:
        yield "no value is recorded"
        return
    pairs = list(zip(shown, MARKERS, strict=False))
    lines = [MarkedPoints(_points(curve), marker) for curve, marker in pairs]
    x = number_axis([epoch for epoch, _ in points], whole=True)
    # The best is drawn over the others.
    yield from drawn(lines[::-1], x, y, width=width, label="epoch")
    for curve, marker in pairs:
        yield f"{marker} {_legend(curve, width - 2)}"
    if len(shown) < len(chart.curves):
        yield _left_out(chart, len(shown))


def _points(curve: TrialCurve) -> list[tuple[float, float] | None]:
    pairs = zip(curve.epochs, curve.values, strict=True)
    return [(epoch, value) if value == value else None for epoch, value in pairs]


def _legend(curve: TrialCurve, width: int) -> str:
    epoch, value = curve.present[-1]
    missing = len(curve.values) - len(curve.present)
    note = f", {missing} without a value" if missing else ""
    text = f"last {number_text(value)} at epoch {epoch}{note}"
    name = shortened(curve.name, max(width - len(text) - 2, LEAST_WIDTH // 2))
    return f"{name}  {text}"


def _left_out(chart: CurveChart, shown: int) -> str:
    empty = sum(not curve.present for curve in chart.curves)
    if shown + empty == len(chart.curves):
        return f"{_count(empty, 'has', 'have')} no value"
    total = len(chart.curves)
    return f"the best {shown} of {total:,} trials by validation score; --output FILE.png draws all"


def _count(number: int, singular: str, plural: str) -> str:
    return f"1 trial {singular}" if number == 1 else f"{number:,} trials {plural}"
