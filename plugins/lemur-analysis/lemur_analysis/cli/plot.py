"""``lemur plot``: draw figures of recorded results into files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lemur_core.commands import (
    arguments_of,
    db_option,
    filter_options,
    print_line,
    show_progress,
)
from lemur_core.errors import LemurError, SettingsError, UnknownNameError, WriteError
from lemur_core.files import write_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pandas import DataFrame

    from lemur_analysis.plot.figure import Page

_ALL = "all"
_COLUMNS = ("task", "dataset", "metric", "nn", "epoch", "accuracy", "duration", "trial")
# Columns for figures that do not declare theirs: all but the code.
_OPTIONAL_COLUMNS = ("prm", "validation", "loss", "scores", "state", "predicted", "data")


@dataclass(frozen=True)
class _Figure:
    """A requested figure.

    Attributes:
        name: Name of the output file, without suffix.
        draw: The function that draws the figure.
        options: Values of the figure's options.
        named: Whether the user named the figure; False if it comes from ``all``.
    """

    name: str
    draw: Callable[..., Any]
    options: dict[str, Any] = field(default_factory=dict)
    named: bool = True


@click.command()
@click.argument("kinds", nargs=-1, required=True, metavar="KIND[:OPTION=VALUE,...]...")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="figures",
    show_default=True,
    help="Folder for the figures.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["svg", "png", "pdf"]),
    default="svg",
    show_default=True,
    help="Format of the files.",
)
@click.option(
    "--dpi",
    type=click.IntRange(20, 1200),
    default=150,
    show_default=True,
    help="Dots per inch of PNG files, and of images embedded in SVG and PDF.",
)
@click.option(
    "--panels",
    type=click.IntRange(1, 40),
    default=6,
    show_default=True,
    help="Panels per page; a figure with more panels is split into several files.",
)
@filter_options
@db_option
def plot(
    kinds: tuple[str, ...], out: Path, form: str, dpi: int, panels: int, db: str, **filters: Any
) -> None:
    """Draw figures of recorded results.

    lemur list figure shows the kinds; all draws every kind. Each task, dataset and metric has its
    own panel. The exit status is 1 if a named figure, or every figure, could not be drawn.
    """
    import matplotlib

    matplotlib.use("agg")
    figures = list(_figures(kinds))
    frame = _read(figures, db, arguments_of(db, filters))
    if frame.empty:
        raise SettingsError("no recorded results match, so there is nothing to draw")
    with write_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    drawn = {}
    for number, figure in enumerate(figures, 1):
        show_progress(f"drawing {figure.name}, {number} of {len(figures)}")
        drawn[figure.name] = _draw(figure, frame, (out, form, dpi, panels))
    if not any(drawn.values()) or any(item.named and not drawn[item.name] for item in figures):
        click.get_current_context().exit(1)


def _figures(kinds: Sequence[str]) -> Iterator[_Figure]:
    """Yield the named figures, then the others if ``all`` is among the kinds."""
    from lemur_core import installed
    from lemur_core.options import option_values, read_selection

    registry = installed()
    names = set()
    for kind in dict.fromkeys(kind for kind in kinds if kind != _ALL):
        selection = read_selection("figure", kind)
        names.add(selection.name)
        draw = registry.get("figure", selection.name).load()
        values = option_values("figure", draw, selection)
        # The same figure with different options goes to different files.
        parts = [selection.name, *(f"{name}-{value}" for name, value in values.items())]
        yield _Figure(re.sub(r"[^\w.-]+", "-", "-".join(parts)), draw, values)
    if _ALL in kinds:
        for name, entry in registry.names("figure").items():
            if name not in names:
                yield _Figure(name.replace("/", "-"), entry.load(), named=False)


def _read(figures: Sequence[_Figure], db: str, arguments: dict[str, Any]) -> DataFrame:
    """Return the results with only the columns that some figure needs."""
    from lemur_core import data

    columns = dict.fromkeys(_COLUMNS)
    for name in dict.fromkeys(name for figure in figures for name in _extra_columns(figure)):
        if name not in columns and _is_recorded(name, arguments["collection"], db):
            columns[name] = None
    show_progress("reading results")
    return data(**arguments, columns=list(columns), db=db)


def _extra_columns(figure: _Figure) -> Iterator[str]:
    """Yield the names of the columns that a figure may need."""
    draw: Any = figure.draw
    if not hasattr(draw, "needs"):
        yield from _OPTIONAL_COLUMNS
        return
    yield from (*draw.needs, *draw.uses)
    # An option may be the name of a column, as in pareto:cost=parameters.
    yield from (value for value in figure.options.values() if isinstance(value, str) and value)


def _is_recorded(name: str, collection: str | None, db: str) -> bool:
    from lemur_core import data

    try:
        data(columns=[name], max_rows=1, collection=collection, db=db)
    except UnknownNameError:
        # The figures that need the column report that it is missing.
        return False
    return True


def _draw(figure: _Figure, frame: DataFrame, output: tuple[Path, str, int, int]) -> bool:
    """Draw the pages of a figure and return whether any was written."""
    out, form, dpi, panels = output
    try:
        return _write(figure, frame, out / f"{figure.name}.{form}", dpi, panels)
    except WriteError:
        raise
    except LemurError as error:
        _print_error(f"{figure.name}: not drawn: {error}")
    # The figure may come from any plugin; a failure must not stop the others.
    except Exception as error:
        _print_error(f"{figure.name}: not drawn: {type(error).__name__}: {error}")
    return False


def _write(figure: _Figure, frame: DataFrame, path: Path, dpi: int, panels: int) -> bool:
    from matplotlib import pyplot as plt

    from lemur_analysis.plot.files import missing_of_page, pages_of, save

    missing, written = [], 0
    for page in pages_of(figure.draw, frame, panels, **figure.options):
        try:
            missing.append(missing_of_page(page))
            if not missing[-1]:
                target = _page_path(path, page)
                save(page.axes[0].figure, target, dpi=dpi)
                _print_written(target, page)
                written += 1
        finally:
            plt.close(page.axes[0].figure)
    if any(missing):
        reasons = "; ".join(dict.fromkeys(filter(None, missing)))
        _print_error(f"{figure.name}: {'some panels ' if written else ''}not drawn: {reasons}")
    return written > 0


def _page_path(path: Path, page: Page) -> Path:
    if page.count == 1:
        return path
    digits = len(str(page.count))
    return path.with_name(f"{path.stem}-{page.number:0{digits}}{path.suffix}")


def _print_written(path: Path, page: Page) -> None:
    show_progress("")
    titles = f" ({'; '.join(page.titles)})" if page.count > 1 else ""
    print_line(f"wrote {path}{titles}")


def _print_error(text: str) -> None:
    show_progress("")
    print_line(" ".join(text.split()), err=True)
