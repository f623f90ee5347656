import matplotlib
import pandas as pd
import pytest
from matplotlib import pyplot as plt

matplotlib.use("agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def records():
    """Two datasets, three nets, two trials, four epochs; no durations of one trial on mnist."""
    rows = [
        {
            "task": "img-classification",
            "dataset": dataset,
            "metric": "acc",
            "nn": net,
            "epoch": epoch,
            "accuracy": 0.1 * epoch + 0.05 * trial + 0.02 * number,
            "duration": None if (dataset, trial) == ("mnist", 1) else epoch * 10**9 * (1 + number),
            "trial": f"{dataset}-{net}-{trial}",
        }
        for dataset in ("cifar-10", "mnist")
        for number, net in enumerate(("AlexNet", "ResNet", "VGG"))
        for trial in (0, 1)
        for epoch in (1, 2, 3, 4)
    ]
    return pd.DataFrame(rows).astype({"duration": "Int64"})
