"""Entries of the core, registered through the same hooks as those of plugins."""

from __future__ import annotations

from lemur_core.entry import Entry
from lemur_core.hookspecs import hookimpl

_EXPORTERS = "lemur_core.store.exporters"
_IMPORTERS = "lemur_core.store.importing.importers"


@hookimpl
def lemur_register_tasks() -> list[Entry]:
    """Return the image tasks, which nets and datasets of several plugins share."""
    tasks = "lemur_core.tasks"
    return [
        Entry(
            "img-classification",
            f"{tasks}.classification:Classification",
            summary="The class of an image",
        ),
        Entry(
            "img-segmentation",
            f"{tasks}.segmentation:Segmentation",
            summary="The class of each pixel",
        ),
        Entry("obj-detection", f"{tasks}.detection:Detection", summary="The objects in an image"),
    ]


@hookimpl
def lemur_register_transforms() -> list[Entry]:
    """Return the transform for inputs that need no transform."""
    target = "lemur_core.kinds.transform:Untouched"
    return [Entry("none", target, summary="Unchanged inputs", ready=True, opt_in=True)]


@hookimpl
def lemur_register_exporters() -> list[Entry]:
    """Return the formats that the core exports."""
    formats = {
        "csv": "Comma-separated values; formulas are converted to text",
        "json": "A list of JSON objects",
        "jsonl": "A JSON object on each line",
        "parquet": "An Apache Parquet table",
        "xlsx": "A workbook with one sheet",
        "markdown": "A Markdown table of the main columns",
        "latex": "A LaTeX table of the main columns, with booktabs",
        "lemur": "A folder of LEMUR's JSON files, which can be imported again",
    }
    return [
        Entry(name, f"{_EXPORTERS}:{name}", summary=summary) for name, summary in formats.items()
    ]


@hookimpl
def lemur_register_importers() -> list[Entry]:
    """Return the formats that the core imports."""
    return [
        Entry("lemur-files", f"{_IMPORTERS}:files", summary="LEMUR's JSON files: a folder or zip"),
        Entry("lemur-database", f"{_IMPORTERS}:database", summary="LEMUR's SQLite database"),
    ]
