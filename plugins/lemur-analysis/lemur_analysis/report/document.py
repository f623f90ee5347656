"""A report with everything drawn, from which workbooks and pages are written."""

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
        drawings: Its figures, each with its ``content`` by format.
    """

    section: Section
    drawings: list[Drawing]


@dataclass(frozen=True)
class Report:
    """What workbooks and pages are written from.

    Attributes:
        frame: All rows.
        chapters: A chapter for each task and dataset.
        drawings: Figures that compare several datasets.
        anomalies: What is suspect in the results.
        cover: Labels and values for the cover.
        notes: A line for each figure that is not there.
    """

    frame: DataFrame
    chapters: list[Chapter]
    drawings: list[Drawing]
    anomalies: DataFrame
    cover: list[tuple[str, Any]]
    notes: list[str]

    @property
    def drawn(self) -> int:
        """How many figures there are."""
        return len(self.drawings) + sum(len(each.drawings) for each in self.chapters)


def read_report(results: Results, formats: Sequence[str], names: str = drawings.ALL) -> Report:
    """Read results and draw their figures.

    Args:
        results: What is reported.
        formats: ``png`` or ``svg`` or both: the formats that each figure is needed in.
        names: Figures, as `Figures` takes them.

    Raises:
        SettingsError: The results lack a column that is needed.
        UnknownNameError: No figure has such a name.
    """
    # A wrong name is reported before anything is read.
    figures = Figures(results, names)
    frame = read_frame(results)
    sections = sections_of(frame)
    figures.expect(len(sections))
    parts = [ReportPart(one.frame, one.title) for one in sections]
    of_all, *of_each = draw_parts(figures, [ReportPart(frame), *parts], formats) if parts else [[]]
    chapters = [Chapter(*one) for one in zip(sections, of_each, strict=True)]
    cover = cover_of(results, frame)
    return Report(frame, chapters, of_all, tables.anomalies(frame), cover, figures.notes)
