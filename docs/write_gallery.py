"""Draw every registered figure on LEMUR's published records, and write the page that shows them.

python docs/write_gallery.py stat.zip   import the published records first
python docs/write_gallery.py lemur.db   use a database that contains them

Writes ``docs/gallery.md`` and the pictures in ``docs/gallery/``.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
import matplotlib
from matplotlib import pyplot as plt

import lemur_core
from lemur_analysis.plot.files import missing_of_page, pages_of, save
from lemur_core.errors import LemurError

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parent
FOLDER = DOCS / "gallery"
MOST_BYTES = 2_000_000
"""Limit for the total size of the pictures."""
LARGE = 90_000
"""A picture whose SVG has more bytes is saved as PNG instead."""
ALL_RESULTS: dict[str, str] = {}
# Selections that suit each figure: arguments of lemur_core.data, and options of the figure.
SELECTIONS = {
    "box": ({"dataset": "cifar-100"}, {}),
    "box-by-task": (ALL_RESULTS, {}),
    "critical-difference": ({"task": "img-classification"}, {}),
    "error-scatter": ({"task": "img-classification"}, {}),
    "first-epoch-duration": ({"dataset": "imagenette"}, {}),
    "first-epoch-duration-by-task": (ALL_RESULTS, {}),
    "histogram": (ALL_RESULTS, {}),
    "importance": ({"dataset": "cifar-10", "nn": "AirNet"}, {}),
    "intervals": ({"task": "img-segmentation"}, {}),
    "lines-time": ({"task": "img-segmentation"}, {}),
    "mean-std": ({"dataset": "imagenette"}, {}),
    "mean-std-correlation": (ALL_RESULTS, {}),
    "parallel-coordinates": ({"dataset": "cifar-10", "nn": "AirNet"}, {}),
    "pareto": ({"dataset": "cifar-10"}, {}),
    "performance-profile": ({"task": "img-segmentation"}, {}),
    "rank-agreement": ({"task": "img-classification"}, {}),
    "rank-transfer": ({"task": "img-classification"}, {}),
    "scatter-matrix": ({"task": "img-classification"}, {}),
    "score-epoch-by-task": (ALL_RESULTS, {}),
    "score-time-by-task": (ALL_RESULTS, {}),
}
DEFAULT_SELECTION = ({"dataset": "cifar-100"}, {})
COLUMNS = ("task", "dataset", "metric", "nn", "epoch", "accuracy", "duration", "prm", "validation",
           "loss", "trial", "state", "predicted", "data")  # fmt: skip
INTRODUCTION = """# Gallery of figures

All figures of `lemur plot` and `lemur_analysis.plot`, drawn from the records that LEMUR published
(32,424 epochs of 229 pipelines; a pipeline combines a task, dataset, metric and net). Each panel
shows how many records it contains. Import the records with `lemur db import stat.zip`; the command
above a figure then draws it. This page is written by `python docs/write_gallery.py stat.zip`.
"""


def main() -> None:
    """Write the page and the pictures."""
    matplotlib.use("agg")
    FOLDER.mkdir(exist_ok=True)
    for picture in (*FOLDER.glob("*.svg"), *FOLDER.glob("*.png")):
        picture.unlink()
    with TemporaryDirectory() as folder:
        db = _database(Path(sys.argv[1]), Path(folder))
        parts = list(_parts(db))
    (DOCS / "gallery.md").write_text("\n".join([INTRODUCTION, *parts]))
    size = sum(picture.stat().st_size for picture in FOLDER.iterdir())
    click.echo(f"{len(list(FOLDER.iterdir()))} pictures, {size:,} bytes")
    if size > MOST_BYTES:
        sys.exit(f"the pictures have more than {MOST_BYTES:,} bytes; choose smaller selections")


def _database(source: Path, folder: Path) -> Path:
    if source.suffix != ".zip":
        return source
    path = folder / "lemur.db"
    command = [sys.executable, "-m", "lemur_core", "db", "import", str(source), "--db", str(path)]
    subprocess.run(command, check=True)  # noqa: S603 - the command is this repository's own
    return path


def _parts(db: Path) -> Iterator[str]:
    """Draw each figure and yield its text; last, yield the list of figures that cannot be drawn."""
    missing = []
    for name, entry in lemur_core.installed().names("figure").items():
        arguments, options = SELECTIONS.get(name, DEFAULT_SELECTION)
        frame = lemur_core.data(**arguments, columns=COLUMNS, db=db)
        try:
            page = next(pages_of(entry.load(), frame, **options))
            if missing_text := missing_of_page(page):
                raise LemurError(missing_text)
            yield _text(name, entry.summary, arguments, options, _picture(name, page))
        except LemurError as error:
            missing.append(f"- `{name}` ({entry.summary}): {error}")
        plt.close("all")
    if missing:
        yield "## Figures that cannot be drawn from these records\n"
        yield "\n".join(missing) + "\n"


def _picture(name: str, page) -> Path:
    path = FOLDER / f"{name.replace('/', '-')}.svg"
    save(page.axes[0].figure, path, dpi=90)
    if path.stat().st_size > LARGE:
        path.unlink()
        path = path.with_suffix(".png")
        save(page.axes[0].figure, path, dpi=80)
    return path


def _text(name: str, summary: str, arguments: dict, options: dict, path: Path) -> str:
    option_text = ",".join(f"{option}={value}" for option, value in options.items())
    filters = [part for key, value in arguments.items() for part in (f"--{key}", value)]
    command = shlex.join(
        ["lemur", "plot", f"{name}:{option_text}" if option_text else name, *filters]
    )
    picture = f"![{summary}](gallery/{path.name})"
    return f"## {name}\n\n{summary}: `{command}`\n\n{picture}\n"


if __name__ == "__main__":
    main()
