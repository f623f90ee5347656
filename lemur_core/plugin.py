"""What the core itself registers, through the hooks that every plugin uses."""

from __future__ import annotations

from lemur_core.entry import Entry
from lemur_core.hookspecs import hookimpl

_EXPORTERS = "lemur_core.store.exporters"
_IMPORTERS = "lemur_core.store.taking.importers"


@hookimpl
def lemur_register_tasks() -> list[Entry]:
    """Return the tasks of images, which nets and data sets of several plugins share."""
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
    """Return the transform of inputs that need none."""
    target = "lemur_core.kinds.transform:Untouched"
    return [Entry("none", target, summary="Inputs as they are", ready=True, opt_in=True)]


@hookimpl
def lemur_register_exporters() -> list[Entry]:
    """Return the formats that the core writes."""
    written = {
        "csv": "A table of comma-separated values; formulas are made text",
        "json": "A list of JSON objects",
        "jsonl": "A JSON object on each line",
        "parquet": "A table of Apache Parquet",
        "xlsx": "A workbook of one sheet",
        "lemur": "A folder of LEMUR's JSON files, which can be imported again",
    }
    return [
        Entry(name, f"{_EXPORTERS}:{name}", summary=summary) for name, summary in written.items()
    ]


@hookimpl
def lemur_register_importers() -> list[Entry]:
    """Return the formats that the core takes in."""
    return [
        Entry("lemur-files", f"{_IMPORTERS}:files", summary="LEMUR's JSON files: a folder or zip"),
        Entry("lemur-database", f"{_IMPORTERS}:database", summary="LEMUR's SQLite database"),
    ]
