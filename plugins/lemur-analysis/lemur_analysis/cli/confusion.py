"""``lemur show confusion``: the confusion matrix of a trial."""

from __future__ import annotations

import csv
import io
import json
import shutil
from typing import TYPE_CHECKING

import click

from lemur_analysis.chart.text import number_text
from lemur_analysis.cli.picture_option import output_option, write_picture
from lemur_core.commands import (
    complete_trials,
    data_option,
    db_option,
    display_width,
    print_data,
    print_line,
    print_lines,
    print_text,
    shortened,
    text_table,
    warn,
)
from lemur_core.errors import RetrainingError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lemur_core import Confusion, Epoch

EPILOG = """\b
Examples:
  lemur show confusion best
  lemur show confusion img-classification_digits_acc_ResNet --split validation
  lemur show confusion 1f2e3d4c --output confusion.png
  lemur show confusion 1f2e3d4c --format csv > confusion.csv"""
_MOST_PAIRS = 15
_LONGEST = 24


@click.command(epilog=EPILOG)
@click.argument("name", metavar="UID|PIPELINE", shell_complete=complete_trials)
@click.option(
    "--split",
    type=click.Choice(["validation", "test"]),
    default="test",
    show_default=True,
    help="Samples to predict.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    help="Output format; in csv, a row per true class and a column per predicted one.  [table]",
)
@output_option
@click.option("--device", help="Torch device.  [the trial's, if available]")
@data_option
@db_option
def confusion(
    name: str,
    split: str,
    form: str | None,
    output: Path | None,
    device: str | None,
    data: Path,
    db: str,
) -> int:
    """Print how often each class is taken for each other, or draw it.

    For a PIPELINE, its best trial by validation is used, in its best epoch. The weights are those
    kept by lemur run --keep-weights; if none were kept, the trial is trained again up to its best
    epoch. Only for classification. The score of the predictions is compared with the recorded one.
    """
    import lemur_core

    if form is not None and output is not None:
        raise SettingsError("--format prints the matrix and --output draws it; leave one out")
    try:
        matrix = lemur_core.confusion(
            name, split=split, db=db, data=data, device=device, watch=_print_epoch, say=_say
        )
    except RetrainingError as error:
        print_line(f"{error.state}: {error.reason}", err=True)
        return 1
    _compare(matrix)
    if output is not None:
        from lemur_analysis.plot.confusion import confusion_figure, undrawable_names

        if missing := undrawable_names(matrix):
            warn(
                f"no installed font has the characters of {len(missing)} of the class names, such "
                f"as {missing[0]!r}; shown by number. Fonts such as Noto Sans have them"
            )
        write_picture(confusion_figure(matrix), output)
    elif form in (None, "table"):
        width = shutil.get_terminal_size().columns
        # Names may contain line ends.
        print_lines(_heading(matrix, width))
        print_text(_table(matrix, width))
    else:
        print_data(_csv(matrix) if form == "csv" else _json(matrix))
    return 0


def _say(line: str) -> None:
    # Standard output only has the matrix.
    print_line(line, err=True)


def _print_epoch(epoch: Epoch) -> None:
    _say(f"epoch {epoch.number}: validation {epoch.validation:.4f}, test {epoch.accuracy:.4f}")


def _compare(matrix: Confusion) -> None:
    if not matrix.is_as_recorded:
        warn(
            f"the {matrix.split} score ({matrix.metric}) of these predictions is "
            f"{matrix.score:.6g}, but {matrix.recorded:.6g} is recorded for epoch {matrix.epoch}; "
            "weights, data, versions or device differ"
        )


def _heading(matrix: Confusion, width: int) -> Iterator[str]:
    right, total = int(matrix.counts.trace()), int(matrix.counts.sum())
    yield shortened(f"{matrix.trial[:8]} {matrix.pipeline}, epoch {matrix.epoch}", width)
    yield (
        f"{matrix.split} split: accuracy {number_text(matrix.accuracy)} ({right:,} of {total:,}), "
        f"{matrix.metric} {number_text(matrix.score if matrix.error is None else matrix.error)}"
    )
    yield ""


def _table(matrix: Confusion, width: int) -> str:
    names = [shortened(name, _LONGEST) for name in matrix.names]
    numbers = [str(number) for number in range(len(names))]
    numbered = [f"{number} {name}" for number, name in zip(numbers, names, strict=True)]
    tables = [_cells(matrix, names, names)]
    if names != numbers:
        tables.append(_cells(matrix, numbered, numbers))
    fitting = next((table for table in tables if _fits(table, len(names), width)), None)
    return fitting or "\n".join(_pairs(matrix, width))


def _cells(matrix: Confusion, rows: list[str], columns: list[str]) -> str:
    counts = matrix.counts.tolist()
    cells = [
        [name, *map(str, line), _share(line[number], sum(line))]
        for number, (name, line) in enumerate(zip(rows, counts, strict=True))
    ]
    # "predicted" above the columns would need a line of its own.
    return text_table(["true \\ predicted", *columns, "recall"], cells)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


def _fits(table: str, rows: int, width: int) -> bool:
    lines = table.split("\n")
    # On a terminal, rows that are too wide are wrapped, and the marks of the heading's style count.
    return len(lines) == rows + 1 and max(map(display_width, lines[1:])) <= width


def _pairs(matrix: Confusion, width: int) -> Iterator[str]:
    """Yield the most frequent confusions, for a matrix that is too wide."""
    counts, names = matrix.counts, [shortened(name, _LONGEST) for name in matrix.names]
    pairs = sorted(
        (
            (-count, true, predicted)
            for true, line in enumerate(counts.tolist())
            for predicted, count in enumerate(line)
            if count and true != predicted
        )
    )
    yield f"{len(names)} classes do not fit {width} columns; the most frequent confusions:"
    rows = [
        [names[true], names[predicted], str(-negative), _share(-negative, int(counts[true].sum()))]
        for negative, true, predicted in pairs[:_MOST_PAIRS]
    ]
    yield text_table(["true", "predicted", "samples", "share"], rows)
    yield "--format csv, or --output FILE.png, has the whole matrix"


def _csv(matrix: Confusion) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["true", *matrix.names])
    for name, line in zip(matrix.names, matrix.counts.tolist(), strict=True):
        writer.writerow([name, *line])
    return text.getvalue()


def _json(matrix: Confusion) -> str:
    values = {
        "trial": matrix.trial,
        "pipeline": matrix.pipeline,
        "epoch": matrix.epoch,
        "split": matrix.split,
        "classes": matrix.names,
        "matrix": matrix.counts.tolist(),
        "accuracy": matrix.accuracy,
        "metric": matrix.metric,
        "score": matrix.score,
        "recorded": matrix.recorded,
        "error": matrix.error,
    }
    return json.dumps(values, ensure_ascii=False) + "\n"
