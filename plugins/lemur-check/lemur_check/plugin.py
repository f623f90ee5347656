"""The entries of lemur-check. Nothing here imports torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core import Entry, hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence


@hookimpl
def lemur_register_commands() -> list[Entry]:
    summary = "Check the sources of nets in a sandbox."
    return [Entry("check", "lemur_check.command:check", summary=summary)]


@hookimpl
def lemur_register_exporters() -> list[Entry]:
    return [
        Entry(
            "jsonl-code",
            "lemur_check.exporters:jsonl_code",
            summary="Nets' code with its scores, a JSON object on each line",
        ),
        Entry(
            "parquet-code",
            "lemur_check.exporters:parquet_code",
            summary="Nets' code with its scores, a table of Apache Parquet",
        ),
    ]


@hookimpl
def lemur_find_nets(names: Sequence[str], db: str) -> list[Entry]:
    from lemur_check.checked_nets import find_nets

    return find_nets(names, db)
