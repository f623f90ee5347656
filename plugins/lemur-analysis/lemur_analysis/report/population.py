"""A page about a population of nets: do their ranks on one dataset predict those on others?

It has what `lemur_analysis.representativeness` computes and draws, as far as the population has
the columns: rank correlations with intervals, complexities, settings of a design space, and
controls. Nets that lack an error on a dataset are named.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lemur_analysis import representativeness as rep
from lemur_analysis.plot.figure import NothingToDrawError
from lemur_analysis.report.drawings import Drawing, drawn_figure, rasterize_many, svg
from lemur_analysis.report.elements import bullets, cover, details, gallery, page, text
from lemur_analysis.report.html_table import table
from lemur_analysis.report.processes import SVG
from lemur_analysis.representativeness.agreement import MOST_SCATTERED
from lemur_analysis.representativeness.correlation import check_dataset
from lemur_analysis.representativeness.population import COMPLEXITIES, NET, valid_rows
from lemur_analysis.representativeness.stages import stage_columns, with_totals
from lemur_core.errors import SettingsError
from lemur_core.files import replacement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pandas import DataFrame

CONTROLS: dict[str, str] = {
    "longer_training": "Errors after trainings of several lengths",
    "noise_of_training": "Spread of single nets' runs next to that of the population",
    "top1_against_top5": "Top-5 against top-1 error",
    "balanced_errors": "Errors after training on balanced against unbalanced classes",
    "pretraining_gain": "Errors with pretraining against errors from scratch",
}
"""Figures of controls, by the name of their function, with captions."""
_BEST = 10
_LOGARITHMIC = ("parameters", "macs", "activations")


class _Figure(NamedTuple):
    name: str
    caption: str
    draw: Callable[[DataFrame], Any]


class _Section(NamedTuple):
    """A section of the page; tables are titles and frames."""

    name: str
    title: str
    tables: Mapping[str, DataFrame]
    figures: Sequence[_Figure]
    frame: DataFrame


def write_population(
    frame: DataFrame,
    path: str | Path,
    *,
    title: str = "Representativeness",
    reference: str = "",
    about: Iterable[tuple[str, Any]] = (),
    controls: Mapping[str, DataFrame] | None = None,
) -> str:
    """Write a page about a population, which opens offline.

    Args:
        frame: A population; see `lemur_analysis.representativeness.population`. If it has several
            rows of a net and dataset, they are runs; the page compares the best ones, and shows the
            noise ceilings of all.
        path: The file, which is replaced if it exists.
        title: Title of the page.
        reference: The dataset with which the others are compared; "" uses the one with most nets.
        about: Labels and values to show first.
        controls: Populations for figures of controls, by a name in `CONTROLS`; None uses ``frame``
            for those of its columns.

    Returns:
        A line that says what the page has.

    Raises:
        SettingsError: A row is invalid, there are fewer than two datasets, the population lacks the
            reference, or a control is unknown.
        WriteError: The file cannot be written.
    """
    runs = valid_rows(frame)
    best = rep.best_runs(runs) if runs.duplicated(list(NET)).any() else runs
    names = list(dict.fromkeys(best["dataset"]))
    if len(names) < 2:
        raise SettingsError(
            f"a population is compared between two datasets or more; it has {', '.join(names) or 0}"
        )
    if reference:
        check_dataset(reference, names)
    else:
        reference = str(best["dataset"].value_counts().sort_index().idxmax())
    sections = [
        _agreement(best, runs, reference),
        *_complexity(best),
        *_design_space(best),
        *_controls(runs, controls),
    ]
    drawn = [_draw_all(section) for section in sections]
    missing = missing_cells(best)
    rows = [*about, *_counts(best, runs, reference, missing)]
    links = [("about", "About"), *((section.name, section.title) for section in sections)]
    notes = [note for _, lines in drawn for note in lines]
    body = [
        *_about(rows, missing, notes),
        *(
            line
            for section, (pictures, _) in zip(sections, drawn, strict=True)
            for line in _html(section, pictures)
        ),
    ]
    with replacement(Path(path)) as temporary:
        temporary.write_bytes(page(title, links, body))
    nets = f"{best['net'].nunique():,} nets on {len(names)} datasets"
    figures = sum(len(pictures) for pictures, _ in drawn)
    lacks = f", {len(missing):,} missing errors" if len(missing) else ""
    return f"{nets}{lacks}, {figures} figures"


def missing_cells(frame: DataFrame) -> DataFrame:
    """Return the nets that lack an error on a dataset on which others have one.

    Args:
        frame: A population with one row per net and dataset.

    Returns:
        A row per missing error: ``dataset`` and ``net``, sorted.
    """
    cells = rep.error_table(frame).isna().unstack()
    return cells[cells].index.to_frame(index=False).sort_values(["dataset", "net"])


def _counts(
    best: DataFrame, runs: DataFrame, reference: str, missing: DataFrame
) -> Iterator[tuple[str, Any]]:
    yield "nets", int(best["net"].nunique())
    yield "datasets", ", ".join(dict.fromkeys(best["dataset"]))
    yield "compared with", reference
    yield "errors", len(best)
    if len(runs) > len(best):
        yield "runs, of which the best count", len(runs)
    yield "missing errors", len(missing)


def _agreement(best: DataFrame, runs: DataFrame, reference: str) -> _Section:
    pairs = rep.rank_correlations(best)
    ranked = best.sort_values(["error", "net"], kind="stable")
    described = [name for name in COMPLEXITIES if name in best.columns]
    top = ranked.groupby("dataset", sort=False).head(_BEST).sort_values(["dataset", "error"])
    figures = [
        _Figure("rank-agreement", "Rank correlations between datasets", rep.rank_agreement),
        _Figure(
            "rank-transfer",
            f"Rank correlations with {reference}, and noise ceilings where nets have several runs",
            _of(runs, rep.rank_transfer, reference=reference),
        ),
        _Figure(
            "error-scatter",
            f"Errors on each dataset against those on {reference}",
            partial(rep.error_scatter, reference=reference),
        ),
    ]
    if best["dataset"].nunique() <= MOST_SCATTERED:
        figures.append(_Figure("scatter-matrix", "Errors on all pairs", rep.scatter_matrix))
    shown = {
        "Rank correlations": pairs,
        f"The {_BEST} best nets of each dataset": top[["dataset", "net", "error", *described]],
    }
    return _Section("agreement", "Agreement", shown, figures, best)


def _complexity(best: DataFrame) -> Iterator[_Section]:
    rows = with_totals(best)
    names = tuple(name for name in ("depth", "width", *COMPLEXITIES) if name in rows.columns)
    if not names:
        return
    shown = {
        "Rank correlations of the error with complexities": rep.complexity_correlations(
            rows, columns=names
        )
    }
    figures = [
        _Figure(
            f"error-{name}",
            f"Error against {name}",
            partial(rep.error_against, complexity=name, log=name in _LOGARITHMIC),
        )
        for name in names
    ]
    if {"depth", "width"} <= {*names}:
        caption = "Rank correlations of the error with cumulative depth and width"
        figures.insert(0, _Figure("complexity-correlation", caption, rep.complexity_correlation))
    yield _Section("complexity", "Complexity", shown, figures, rows)


def _design_space(best: DataFrame) -> Iterator[_Section]:
    if not stage_columns(best):
        return
    shown = {
        "Nets whose settings ascend through the stages": rep.ascending_counts(best),
        "Settings of the best net, and of the 15 best": rep.best_configurations(best),
    }
    figures = [
        _Figure("error-ecdf", "Errors of sub-populations", rep.error_ecdf),
        _Figure("best-configuration", "Settings of the best nets", rep.best_configuration),
        *(
            _Figure(
                f"stages-{name}",
                f"Error against the settings of each stage: {name}",
                partial(rep.stage_scatter, dataset=name),
            )
            for name in dict.fromkeys(best["dataset"])
        ),
    ]
    yield _Section("design-space", "Design space", shown, figures, best)


def _controls(runs: DataFrame, controls: Mapping[str, DataFrame] | None) -> Iterator[_Section]:
    unknown = [name for name in controls or {} if name not in CONTROLS]
    if unknown:
        raise SettingsError(f"control {unknown[0]!r}; expected {', '.join(CONTROLS)}")
    given = dict(controls or {})
    if "top5_error" in runs.columns:
        given.setdefault("top1_against_top5", runs)
    if runs.duplicated(list(NET)).any():
        given.setdefault("noise_of_training", runs)
    figures = [
        _Figure(name.replace("_", "-"), CONTROLS[name], _of(given[name], getattr(rep, name)))
        for name in CONTROLS
        if name in given
    ]
    if "training_error" in runs.columns and "depth" in with_totals(runs).columns:
        draw = partial(rep.error_against, error="training_error")
        figures.append(_Figure("training-error", "Training error against depth", draw))
    if figures:
        yield _Section("controls", "Controls", {}, figures, runs)


def _of(frame: DataFrame, draw: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Return a function that draws a figure of this frame, whatever frame it is given."""
    return partial(_draw_other, draw, frame, options)


def _draw_other(
    draw: Callable[..., Any], frame: DataFrame, options: Mapping[str, Any], _: DataFrame
) -> Any:
    return draw(frame, **options)


def _draw_all(section: _Section) -> tuple[list[Drawing], list[str]]:
    """Return the figures of a section, and a line for each one that cannot be drawn."""
    parts = [
        _draw(figure, section.frame, f"{section.name}-{figure.name}") for figure in section.figures
    ]
    pictures = [part for part in parts if isinstance(part, Drawing)]
    return pictures, [part for part in parts if isinstance(part, str)]


def _draw(figure: _Figure, frame: DataFrame, salt: str) -> Drawing | str:
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


def _html(section: _Section, pictures: Sequence[Drawing]) -> Iterator[str]:
    yield f'<section id="{section.name}"><h2>{text(section.title)}</h2>'
    for number, (title, frame) in enumerate(section.tables.items()):
        yield table(frame, title, f"{section.name}-table-{number}")
    yield from gallery(pictures)
    yield "</section>"
