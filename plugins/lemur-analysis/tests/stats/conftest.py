import json
import zipfile
from pathlib import Path

import pandas as pd
import pytest

STAT = Path(__file__).parents[5] / "shared" / "data" / "lemur" / "stat.zip"


@pytest.fixture(scope="session")
def published():
    """LEMUR's published records, read without lemur."""
    if not STAT.exists():
        pytest.skip(f"{STAT.name} of LEMUR is not in shared/data")
    rows = []
    with zipfile.ZipFile(STAT) as archive:
        for name in sorted(name for name in archive.namelist() if name.endswith(".json")):
            pipeline, epoch = name.split("/")[-2:]
            task, dataset, metric, nn = pipeline.split("_", 3)
            where = {"task": task, "dataset": dataset, "metric": metric, "nn": nn}
            for record in json.loads(archive.read(name)):
                record.pop("uid", None)
                measured = {name: record.pop(name, None) for name in ("accuracy", "duration")}
                number = int(epoch.removesuffix(".json"))
                rows.append({**where, "epoch": number, **measured, "prm": record})
    return pd.DataFrame(rows)


@pytest.fixture
def frame():
    """Return a function that creates small frames of accuracies on one dataset."""

    def make(nn, epoch, accuracy, **more):
        cells = {"task": "img-classification", "dataset": "cifar-10", "metric": "acc"}
        return pd.DataFrame({**cells, "nn": nn, "epoch": epoch, "accuracy": accuracy, **more})

    return make
