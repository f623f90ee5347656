"""Contents of a report: a cover, and a section for each task and dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lemur_analysis.frame import check_columns
from lemur_analysis.report.tables import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pandas import DataFrame

    from lemur_core import Results

_SECTION_COLUMNS = ("task", "dataset")
# Some figures need these, for example for the number of parameters.
_EXTRA_ARGUMENTS = ("with_stats", "with_facts")


@dataclass(frozen=True)
class Section:
    """The results on one dataset.

    Attributes:
        task: Name of the task.
        dataset: Name of the dataset, made unique by `distinguish_datasets`.
        frame: The rows of the section.
    """

    task: str
    dataset: str
    frame: DataFrame

    @property
    def title(self) -> str:
        """Task and dataset, separated by a comma."""
        return f"{self.task}, {self.dataset}"


def read_frame(results: Results) -> DataFrame:
    """Return the rows of the results that a report shows.

    Datasets with the same name but different contents get different names, so that their scores
    are never combined.

    Raises:
        SettingsError: The user's selection of columns lacks a needed one.
    """
    arguments = results.arguments
    extra = (
        ()
        if "columns" in arguments
        else [name for name in _EXTRA_ARGUMENTS if name not in arguments]
    )
    frame = results.frame(**dict.fromkeys(extra, True))
    check_columns(frame, COLUMNS)
    return distinguish_datasets(frame)


def distinguish_datasets(frame: DataFrame) -> DataFrame:
    """Return a frame in which datasets with the same name but different contents are renamed.

    The optional column ``data`` names the content of the dataset. If only some contents of a
    dataset are known, the unknown ones count as another content.
    """
    if frame.empty or "data" not in frame.columns:
        return frame
    by = list(_SECTION_COLUMNS)
    content_counts = (
        frame.assign(data=frame["data"].fillna("")).groupby(by)["data"].transform("nunique")
    )
    if (content_counts <= 1).all():
        return frame
    named = frame["data"].fillna(frame["dataset"] + " (content unknown)")
    return frame.assign(dataset=frame["dataset"].where(content_counts <= 1, named))


def sections_of(frame: DataFrame) -> list[Section]:
    """Return a section for each task and dataset, sorted by name."""
    groups = frame.groupby(list(_SECTION_COLUMNS), sort=True, observed=True, dropna=False)
    return [Section(str(task), str(dataset), part) for (task, dataset), part in groups]


def cover_of(results: Results, frame: DataFrame) -> list[tuple[str, Any]]:
    """Return the labels and values on the cover of a report.

    Args:
        results: The selected results.
        frame: Their rows, from `read_frame`.
    """
    return [
        ("written", _now()),
        ("command", results.command or "none: written by a program"),
        ("database", results.database),
        *_filters(results),
        ("records", len(frame)),
        *((f"records of {name}", count) for name, count in _counts(frame)),
        ("nets", frame["nn"].nunique()),
        *((("trials", frame["trial"].nunique()),) if "trial" in frame.columns else ()),
        ("records without a score", int(frame["accuracy"].isna().sum())),
        ("records without a duration", int(frame["duration"].isna().sum())),
        *((f"version of {name}", version) for name, version in _versions()),
    ]


def _now() -> str:
    from datetime import datetime

    # Include the UTC offset, as the report may be read in another time zone.
    return datetime.now().astimezone().isoformat(" ", "seconds")


def _filters(results: Results) -> Iterator[tuple[str, Any]]:
    if not results.arguments:
        yield "filters", "none: all results"
    for name, value in results.arguments.items():
        yield f"filter {name}", str(value)


def _counts(frame: DataFrame) -> Iterator[tuple[str, int]]:
    cells = frame.groupby(["task", "dataset", "metric"], observed=True, dropna=False).size()
    for names, count in cells.items():
        yield ", ".join(map(str, names)), int(count)


def _versions() -> Iterator[tuple[str, str]]:
    from importlib.metadata import version
    from platform import python_version

    yield "Python", python_version()
    for name in ("lemur-core", "lemur-analysis", "matplotlib", "pandas"):
        yield name, version(name)
