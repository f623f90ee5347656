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
        """Write the rows of ``frame`` to ``path``."""
