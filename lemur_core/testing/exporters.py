"""The rules of exporters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_core.kinds.exporter import write
from lemur_core.kinds.importer import EpochRecord
from lemur_core.options import options_of
from lemur_core.store.database import open_engine
from lemur_core.store.importing.published import import_results
from lemur_core.store.reading.results import Results

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.entry import Entry

_PRMS: tuple[dict[str, Any], ...] = (
    {"lr": 0.1, "batch": 32},
    {"lr": 0.01, "batch": 64, "transform": "norm_32"},
)
SAMPLE = [
    EpochRecord(
        "img-classification", "digits", "acc", net, prm, epoch, epoch / 4, epoch / 5,
        loss=1 / epoch, duration_ns=epoch * 10**9, trial=f"{net} {number}",
    )
    for net in ("LeNet", "ResNet")
    for number, prm in enumerate(_PRMS)
    for epoch in (1, 2, 3)
]  # fmt: skip
"""The epochs of four trials of two nets."""


class ExporterRules:
    """An exporter writes any results with its default options."""

    def test_exporter_can_be_called(self, exporter: Entry) -> None:
        """The target of an exporter is callable."""
        assert callable(exporter.load()), f"exporter {exporter.name!r}: cannot be called"

    def test_exporter_needs_nothing_but_results(self, exporter: Entry) -> None:
        """Every option has a default."""
        options_of("exporter", exporter.load(), exporter.name)

    def test_exporter_writes_results(self, exporter: Entry, tmp_path: Path) -> None:
        """It writes a file or a folder, also if there are no results."""
        for name, records in (("some", SAMPLE), ("none", [])):
            with open_engine(tmp_path / f"{name}.db", create=True) as engine:
                if records:
                    import_results(engine, tmp_path, lambda place: SAMPLE, "sample")
                write(exporter.load(), exporter.name, Results(engine), tmp_path / name)
