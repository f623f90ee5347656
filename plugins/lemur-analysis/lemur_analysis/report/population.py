"""A page about a population of nets: do their ranks on one dataset predict those on others?

It has what `lemur_analysis.representativeness` computes and draws, as far as the population has
the columns: the errors by dataset, rank correlations with intervals, noise ceilings, complexities,
settings of a design space, and controls. Nets that lack an error on a dataset are named.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemur_analysis import representativeness as rep
from lemur_analysis.plot.figure import NothingToDrawError
from lemur_analysis.report.drawings import Drawing, drawn_figure, rasterize_many, svg
from lemur_analysis.report.elements import bullets, cover, details, gallery, page, text
from lemur_analysis.report.html_table import table
from lemur_analysis.report.population_contents import (
    CONTROLS,
    ComparedPopulation,
    is_repeated,
    sections_of,
)
from lemur_analysis.report.processes import SVG
from lemur_analysis.representativeness.correlation import check_dataset
from lemur_analysis.representativeness.population import NET, valid_rows
from lemur_core.errors import SettingsError
from lemur_core.files import replacement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pandas import DataFrame

    from lemur_analysis.report.population_contents import Figure, PopulationSection


def write_population(
    frame: DataFrame,
    path: str | Path,
    *,
    title: str = "Representativeness",
    reference: str = "",
    about: Iterable[tuple[str, Any]] = (),
    controls: Mapping[str, DataFrame] | None = None,
    equal_runs: bool = False,
) -> str:
    """Write a page about a population, which opens offline.

    Args:
        frame: A population; see `lemur_analysis.representativeness.population`. If it has several
            rows of a net and dataset, they are runs; the page compares the best ones, and shows the
            noise ceilings of all. Rows with a missing error name nets and datasets whose errors the
            page lists as missing.
        path: The file, which is replaced if it exists.
        title: Title of the page.
        reference: The dataset with which the others are compared; "" uses the one with most nets.
        about: Labels and values to show first.
        controls: Populations for figures of controls, by a name in `CONTROLS`; None uses ``frame``
            for those of its columns.
        equal_runs: Compare all nets at the same number of runs, the first of each, because the best
            of many runs is better. The number is the smallest that a net has on a dataset.

    Returns:
        A line that says what the page has.

    Raises:
        SettingsError: A row is invalid, no row has an error, the population lacks the reference, or
            a control is unknown.
        WriteError: The file cannot be written.
    """
    population = _population(frame, reference, controls or {}, equal_runs=equal_runs)
    sections = [*sections_of(population)]
    drawn = [_draw_all(section) for section in sections]
    links = [("about", "About"), *((section.name, section.title) for section in sections)]
    notes = [note for _, lines in drawn for note in lines]
    body = [
        *_about([*about, *_counts(population)], population.missing, notes),
        *(
            line
            for section, (pictures, _) in zip(sections, drawn, strict=True)
            for line in _html(section, pictures)
        ),
    ]
    with replacement(Path(path)) as temporary:
        temporary.write_bytes(page(title, links, body))
    return _summary(population, sum(len(pictures) for pictures, _ in drawn))


def missing_cells(frame: DataFrame) -> DataFrame:
    """Return the nets that lack an error on a dataset of the frame.

    Args:
        frame: A population. Rows with a missing error name further nets and datasets.

    Returns:
        A row per missing error: ``dataset`` and ``net``, sorted.
    """
    from pandas import MultiIndex

    names = list(reversed(NET))
    present = MultiIndex.from_frame(valid_rows(frame)[names])
    cells = MultiIndex.from_product([frame[name].unique() for name in names], names=names)
    return cells.difference(present).to_frame(index=False)


def _population(
    frame: DataFrame, reference: str, controls: Mapping[str, DataFrame], *, equal_runs: bool
) -> ComparedPopulation:
    unknown = [name for name in controls if name not in CONTROLS]
    if unknown:
        raise SettingsError(f"control {unknown[0]!r}; expected {', '.join(CONTROLS)}")
    runs = valid_rows(frame)
    if runs.empty:
        raise SettingsError("the population has no errors; expected a row for each net and dataset")
    compared = _equally_many(runs) if equal_runs else runs
    best = rep.best_runs(compared) if is_repeated(compared) else compared
    if reference:
        check_dataset(reference, list(dict.fromkeys(best["dataset"])))
    else:
        reference = str(best["dataset"].value_counts().sort_index().idxmax())
    return ComparedPopulation(best, compared, runs, reference, missing_cells(frame), controls)


def _equally_many(runs: DataFrame) -> DataFrame:
    """Return the first runs of each net and dataset, as many as all of them have."""
    cells = runs.groupby(list(NET), observed=True, sort=False)
    return runs[cells.cumcount() < cells.size().min()]


def _summary(population: ComparedPopulation, figures: int) -> str:
    datasets, lacking = population.best["dataset"].nunique(), len(population.missing)
    count = population.best["net"].nunique()
    nets = f"{count:,} net{'s' * (count != 1)} on {datasets} dataset{'s' * (datasets != 1)}"
    missing = f", {lacking:,} missing error{'s' * (lacking > 1)}" if lacking else ""
    return f"{nets}{missing}, {figures} figure{'s' * (figures != 1)}"


def _counts(population: ComparedPopulation) -> Iterator[tuple[str, Any]]:
    best, runs = population.best, population.runs
    yield "nets", int(best["net"].nunique())
    yield "datasets", ", ".join(dict.fromkeys(best["dataset"]))
    yield "compared with", population.reference
    yield "errors", len(best)
    if len(runs) > len(best):
        yield "runs, of which the best count", len(runs)
    yield "missing errors", len(population.missing)


def _draw_all(section: PopulationSection) -> tuple[list[Drawing], list[str]]:
    """Return the figures of a section, and a line for each one that cannot be drawn."""
    parts = [
        _draw(figure, section.frame, f"{section.name}-{figure.name}") for figure in section.figures
    ]
    pictures = [part for part in parts if isinstance(part, Drawing)]
    return pictures, [part for part in parts if isinstance(part, str)]


def _draw(figure: Figure, frame: DataFrame, salt: str) -> Drawing | str:
    """Return a figure, or a line that says why it cannot be drawn."""
    try:
        with drawn_figure(figure.draw, frame) as drawn:
            rasterize_many(drawn)
            content = {SVG: svg(drawn, salt)}
            width, height = drawn.get_size_inches()
    except (NothingToDrawError, SettingsError) as error:
        return f"no {figure.name}: {error}"
    return Drawing(figure.name, figure.caption, content, width, height)


def _about(
    rows: Sequence[tuple[str, Any]], missing: DataFrame, notes: Sequence[str]
) -> Iterator[str]:
    yield '<section id="about"><h2>About</h2>'
    yield from cover(rows)
    if len(missing):
        shown = table(missing, "Nets without an error on a dataset", "missing-table")
        yield from details(f"Missing errors: {len(missing):,}", [shown])
    if notes:
        yield from details("Figures that are not shown", bullets(notes))
    yield "</section>"


def _html(section: PopulationSection, pictures: Sequence[Drawing]) -> Iterator[str]:
    yield f'<section id="{section.name}"><h2>{text(section.title)}</h2>'
    yield f"<p>{text(section.text)}</p>"
    for number, (title, frame) in enumerate(section.tables.items()):
        yield table(frame, title, f"{section.name}-table-{number}")
    yield from gallery(pictures)
    yield "</section>"
