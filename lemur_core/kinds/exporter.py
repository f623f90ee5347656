"""Exporters of results: the contract.

An exporter's target is a callable ``export(frame, path)`` that writes the DataFrame which
`lemur_core.data` gives to a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pandas import DataFrame


class Exporter(Protocol):
    """Writes results to a file."""

    def __call__(self, frame: DataFrame, path: Path) -> None:
        """Write the rows of ``frame`` to ``path``, and other files, if any, beside it.

        Args:
            frame: Rows of results.
            path: The file to write. Its name is the one that the user gave; its folder is an empty
                one, whose files are moved to the user's when the exporter returns.

        Raises:
            OSError: A file cannot be written; `lemur export` prints it as one line.
        """
