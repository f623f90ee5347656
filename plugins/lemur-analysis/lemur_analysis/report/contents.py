"""What a report is made of: a cover, a section for each task and dataset, and what is suspect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lemur_analysis.frame import check_columns
from lemur_analysis.report.tables import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pandas import DataFrame

    from lemur_core import Results

_SEVERAL = ("task", "dataset")
# For the figures that show parameters, for example.
_MORE = ("with_stats", "with_facts")


@dataclass(frozen=True)
class Section:
    """The results on one dataset.

    Attributes:
        task: Name of the task.
        dataset: Name of the dataset; where one name has several contents, also which.
        frame: Its rows.
    """

    task: str
    dataset: str
    frame: DataFrame

    @property
    def title(self) -> str:
        """The task and the dataset."""
        return f"{self.task}, {self.dataset}"


def read_frame(results: Results) -> DataFrame:
    """Return the results that a report is of.

    Datasets of one name whose contents differ get different names, so that their scores are
    nowhere put together.

    Raises:
        SettingsError: The user leaves out a column that is needed.
    """
    asked = results.arguments
    more = () if "columns" in asked else [name for name in _MORE if name not in asked]
    frame = results.frame(**dict.fromkeys(more, True))
    check_columns(frame, COLUMNS)
    return tell_apart(frame)


def tell_apart(frame: DataFrame) -> DataFrame:
    """Return a frame in which datasets of one name and different content have different names.

    ``data``, where a frame has it, is the name of a dataset's content; an unknown one counts as
    one more content where others are known.
    """
    if frame.empty or "data" not in frame.columns:
        return frame
    by = list(_SEVERAL)
    several = frame.assign(data=frame["data"].fillna("")).groupby(by)["data"].transform("nunique")
    if (several <= 1).all():
        return frame
    named = frame["data"].fillna(frame["dataset"] + " (content unknown)")
    return frame.assign(dataset=frame["dataset"].where(several <= 1, named))


def sections_of(frame: DataFrame) -> list[Section]:
    """Return a section for each task and dataset, by name."""
    groups = frame.groupby(list(_SEVERAL), sort=True, observed=True, dropna=False)
    return [Section(str(task), str(dataset), part) for (task, dataset), part in groups]


def cover_of(results: Results, frame: DataFrame) -> list[tuple[str, Any]]:
    """Return what a cover says of results: labels and values.

    Args:
        results: What was selected.
        frame: Its rows, as `read_frame` gives them.
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

    # With the offset: a report is read elsewhere.
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
