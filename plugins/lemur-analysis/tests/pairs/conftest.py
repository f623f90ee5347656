from pathlib import Path

import matplotlib
import pandas as pd
import pytest

FOLDER = Path(__file__).parents[5] / "shared" / "data" / "crossedwires"


@pytest.fixture(scope="session")
def crossedwires():
    """The published tables by file name."""
    if not FOLDER.is_dir():
        pytest.skip(f"CrossedWires' tables are not in {FOLDER}")
    return {name: pd.read_csv(FOLDER / f"{name}.csv") for name in ("vgg16", "resnet50")}


@pytest.fixture(autouse=True)
def figures():
    """Draw without a display, and close all figures afterwards."""
    from matplotlib import pyplot as plt

    with matplotlib.rc_context({"backend": "agg"}):
        yield
        plt.close("all")
