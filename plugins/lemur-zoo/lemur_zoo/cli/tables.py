"""Write tables to files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.files import replacement, write_errors

if TYPE_CHECKING:
    from pathlib import Path

    from pandas import DataFrame


def write_csv(frame: DataFrame, path: Path) -> None:
    """Replace a CSV file at once.

    Raises:
        WriteError: It cannot be written.
    """
    with write_errors(path), replacement(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n")
