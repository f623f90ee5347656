"""The option ``--output`` of views that also draw pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lemur_core.commands import print_line
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SUFFIXES = (".png", ".svg", ".pdf")


def _checked(context: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
    # Checked before anything is read or computed.
    if path is None:
        return None
    if path.suffix.lower() not in _SUFFIXES:
        raise SettingsError(f"{path}: expected a name that ends in {', '.join(_SUFFIXES)}")
    if not path.parent.is_dir():
        raise SettingsError(f"{path}: there is no directory {path.parent}")
    return path


output_option = click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    callback=_checked,
    help="Draw a picture instead: a file that ends in .png, .svg or .pdf.",
)
"""The option ``--output``, passed as ``output``: the path of a picture, or None."""


def write_picture(figure: Figure, path: Path) -> None:
    """Write a figure to a file, close it, and say so."""
    from matplotlib import pyplot as plt

    from lemur_analysis.plot.files import save

    try:
        save(figure, path)
    finally:
        plt.close(figure)
    print_line(f"wrote {path}")
