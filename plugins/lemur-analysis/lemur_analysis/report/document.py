"""A report with all its figures, from which workbooks and pages are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lemur_analysis.report import drawings, tables
from lemur_analysis.report.contents import Section, cover_of, read_frame, sections_of
from lemur_analysis.report.drawings import Drawing, Figures
from lemur_analysis.report.processes import ReportPart, draw_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame

    from lemur_core import Results


@dataclass(frozen=True)
class Chapter:
    """A section with its figures.

    Attributes:
        section: The results on one dataset.
        drawings: The figures of the section; ``content`` maps formats to pictures.
    """

    section: Section
    drawings: list[Drawing]


@dataclass(frozen=True)
class Report:
    """The contents of workbooks and pages.

    Attributes:
        frame: All rows.
        chapters: One chapter per task and dataset.
        drawings: Figures that compare several datasets.
        anomalies: Table of anomalies in the results.
        cover: Labels and values for the cover.
        notes: One line for each figure that is left out, with the reason.
    """

    frame: DataFrame
    chapters: list[Chapter]
    drawings: list[Drawing]
    anomalies: DataFrame
    cover: list[tuple[str, Any]]
    notes: list[str]

    @property
    def figure_count(self) -> int:
        """Number of figures in the report."""
        return len(self.drawings) + sum(len(chapter.drawings) for chapter in self.chapters)


def read_report(results: Results, formats: Sequence[str], names: str = drawings.ALL) -> Report:
    """Read results and draw their figures.

    Args:
        results: The selected results.
        formats: Formats of the figures, ``png``, ``svg`` or both.
        names: Names of figures, as for `Figures`.

    Raises:
        SettingsError: The results lack a needed column.
        UnknownNameError: There is no figure with one of the names.
    """
    # Report wrong names before reading the results.
    figures = Figures(results, names)
    frame = read_frame(results)
    sections = sections_of(frame)
    figures.expect(len(sections))
    parts = [ReportPart(section.frame, section.title) for section in sections]
    overall, *by_section = (
        draw_parts(figures, [ReportPart(frame), *parts], formats) if parts else [[]]
    )
    chapters = [Chapter(*pair) for pair in zip(sections, by_section, strict=True)]
    cover = cover_of(results, frame)
    return Report(frame, chapters, overall, tables.anomalies(frame), cover, figures.notes)
