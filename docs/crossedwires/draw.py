"""Draw the figures of ``docs/crossedwires.md`` and print its tables.

    python docs/crossedwires/draw.py FOLDER

FOLDER holds CrossedWires' ``vgg16.csv`` and ``resnet50.csv``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import numpy as np
import pandas as pd

from lemur_analysis import pairs

HERE = Path(__file__).parent
NETS = {"vgg16": "VGG16", "resnet50": "ResNet50"}
FIGURES = {
    "densities": pairs.pair_densities,
    "grid": pairs.pair_grid,
    "space": pairs.pair_space,
    "information": pairs.pair_information,
    "dependence": pairs.pair_dependence,
}


def main(folder: Path) -> None:
    """Draw all figures, and print the tables."""
    tables = [pd.read_csv(folder / f"{name}.csv").assign(nets=NETS[name]) for name in NETS]
    frame = pd.concat(tables, ignore_index=True)
    for name, draw in FIGURES.items():
        # Six panels a net: one is enough on a page.
        shown = frame[frame["nets"] == "ResNet50"] if name == "grid" else frame
        drawn = np.atleast_1d(draw(shown)).ravel()[0].figure
        drawn.savefig(
            HERE / f"{name}.png", dpi=72, bbox_inches="tight", metadata={"Software": None}
        )
    pd.set_option("display.width", 200, "display.max_columns", None)
    for table in (
        pairs.summary(frame),
        pairs.extremes(frame),
        pairs.top(frame),
        pairs.bottom(frame),
        pairs.mutual_information(frame),
        pairs.model_quality(frame),
    ):
        print(table.to_string(index=False, float_format="{:.4g}".format), end="\n\n")  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
