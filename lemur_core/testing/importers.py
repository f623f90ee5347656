"""The rules of importers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lemur_core.kinds.importer import importer as reader_of
from lemur_core.options import Selection
from lemur_core.registry import Registry
from lemur_core.store.database import open_engine
from lemur_core.store.importing.published import import_results

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.entry import Entry
    from lemur_core.store.importing.intake import ImportReport


class ImporterRules:
    """An importer recognises only its own format, and always reads the same records."""

    def importer_place(self, importer: Entry, folder: Path) -> Path:
        """Write a few records in the importer's real format, and return the file or folder.

        Override this method for every importer.

        Args:
            importer: The entry of the importer.
            folder: An empty folder to write to.
        """
        pytest.fail(
            f"importer {importer.name!r}: override importer_place() to write a few records "
            "in its real format"
        )

    def test_importer_recognises_its_own(self, importer: Entry, tmp_path: Path) -> None:
        """It recognises a file or folder in its format."""
        place = self.importer_place(importer, tmp_path)
        assert importer.load().recognises(place), (
            f"importer {importer.name!r}: does not recognise {place.name}, which is in its format"
        )

    def test_importer_recognises_nothing_else(self, importer: Entry, tmp_path: Path) -> None:
        """It recognises no other file or folder, nor a missing one, and raises no error."""
        empty, text, binary = (tmp_path / name for name in ("empty", "notes.txt", "data.bin"))
        empty.mkdir()
        text.write_text("Nothing that a program wrote.\n")
        binary.write_bytes(bytes(range(256)))
        for place in (empty, text, binary, tmp_path / "nowhere"):
            assert not importer.load().recognises(place), (
                f"importer {importer.name!r}: recognises {place.name}, which is not in its format"
            )

    def test_importer_reads_its_own(self, importer: Entry, tmp_path: Path) -> None:
        """It yields records, all of which are valid."""
        report = self._import(importer, tmp_path)
        assert not report.faults, f"importer {importer.name!r}: {': '.join(report.faults[0])}"
        assert report.added, f"importer {importer.name!r}: yields no record"

    def test_importer_reads_the_same_twice(self, importer: Entry, tmp_path: Path) -> None:
        """Importing the same records a second time changes nothing."""
        place = self.importer_place(importer, tmp_path)
        self._import(importer, tmp_path, place)
        report = self._import(importer, tmp_path, place)
        changed = report.added + len(report.faults)
        assert changed == 0, (
            f"importer {importer.name!r}: yields other records when it reads {place.name} again"
        )

    def _import(self, importer: Entry, folder: Path, place: Path | None = None) -> ImportReport:
        place = place or self.importer_place(importer, folder)
        registry = Registry().with_entries("plugin", "importer", [importer])
        read = reader_of(registry, Selection(importer.name))
        with open_engine(folder / "results.db", create=True) as engine:
            return import_results(engine, place, read, importer.name)
