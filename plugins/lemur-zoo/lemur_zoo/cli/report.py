"""``lemur zoo report``: numbers and figures of a zoo on one page, and a card."""

from __future__ import annotations

from pathlib import Path

import click

from lemur_core.commands import (
    data_option,
    print_line,
    print_text,
    show_progress,
    text_table,
    warn,
)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Folder of the report.  [DIR]"
)
@click.option(
    "--threshold",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    help="Leave out members with a larger weight.",
)
@data_option
def report(folder: Path, out: Path | None, threshold: float, data: Path) -> None:
    """Write a page and a card about the zoo in DIR: accuracy, diversity, property prediction.

    They are report.html and README.md, with the pictures in figures.
    """
    from lemur_zoo.report.numbers import report_on
    from lemur_zoo.report.page import check_replaceable, spread_text, write_report
    from lemur_zoo.zoo import Zoo

    zoo, out = Zoo(folder), out or folder
    check_replaceable(out)
    numbers = report_on(zoo, data, threshold, show_progress)
    show_progress("")
    for note in numbers.notes:
        warn(note)
    rows = [[name, spread_text(percent)] for name, percent in numbers.differences]
    print_text(text_table(["over all pairs", "percent"], rows))
    if numbers.predicted:
        rows = [
            [row.target, row.measure, f"{100 * row.weights:.1f}", f"{100 * row.statistics:.1f}"]
            for row in numbers.predicted
        ]
        print_text(text_table(["property", "measure", "from w", "from s(w)"], rows))
    write_report(zoo, numbers, out)
    print_line(f"wrote {out / 'report.html'} and {out / 'README.md'}")
