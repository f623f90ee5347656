"""What the core itself registers, through the hooks that every plugin uses."""

from __future__ import annotations

from lemur_core.entry import Entry
from lemur_core.hookspecs import hookimpl

_EXPORTERS = "lemur_core.store.reading.exporters"
_IMPORTERS = "lemur_core.store.taking.importers"


@hookimpl
def lemur_register_exporters() -> list[Entry]:
    """Return the formats that the core writes."""
    written = {
        "csv": "A table of comma-separated values; formulas are made text",
        "json": "A list of JSON objects",
        "jsonl": "A JSON object on each line",
        "parquet": "A table of Apache Parquet",
        "xlsx": "A workbook of one sheet",
        "jsonl-code": "Nets' code with its scores, a JSON object on each line",
        "parquet-code": "Nets' code with its scores, a table of Apache Parquet",
        "lemur": "A folder of LEMUR's JSON files, which can be imported again",
    }
    return [
        Entry(name, f"{_EXPORTERS}:{name.replace('-', '_')}", summary=summary)
        for name, summary in written.items()
    ]


@hookimpl
def lemur_register_importers() -> list[Entry]:
    """Return the formats that the core takes in."""
    return [
        Entry("lemur-files", f"{_IMPORTERS}:files", summary="LEMUR's JSON files: a folder or zip"),
        Entry("lemur-database", f"{_IMPORTERS}:database", summary="LEMUR's SQLite database"),
    ]
