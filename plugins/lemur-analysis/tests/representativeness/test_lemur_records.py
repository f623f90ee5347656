"""The study on LEMUR's published records and timm's tables, against the published numbers."""

import json
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from lemur_analysis import representativeness as rep

DATA = Path(__file__).parents[5] / "shared" / "data"
STAT = DATA / "lemur" / "stat.zip"
TIMM = DATA / "timm"
RESULTS = ("accuracy", "duration", "uid")
OTHERS = ["cifar-100", "mnist", "imagenette", "svhn", "celeba-gender", "places365"]


@pytest.fixture(scope="module")
def records():
    """LEMUR's classification records with the column names of lemur_core.data."""
    if not STAT.exists():
        pytest.skip("the published records are not here")
    rows = []
    with zipfile.ZipFile(STAT) as archive:
        for name in archive.namelist():
            if not name.endswith(".json") or "_acc_" not in name:
                continue
            _, pipeline, file = name.split("/")
            task, dataset, metric, net = pipeline.split("_")
            for record in json.loads(archive.read(name)):
                of = {
                    key: record[key] for key in record if key not in ("accuracy", "duration", "uid")
                }
                trial = json.dumps([pipeline, of], sort_keys=True)
                rows.append(
                    (task, dataset, metric, net, int(file[:-5]), record["accuracy"], trial, of)
                )
    names = ["task", "dataset", "metric", "nn", "epoch", "accuracy", "trial", "prm"]
    return pd.DataFrame(rows, columns=names)


@pytest.mark.parametrize(
    ("at_epoch", "published"),
    [(0, [0.80, 0.69, 0.61, 0.48, 0.32, -0.21]), (5, [0.90, 0.84, 0.62, 0.43, 0.40, -0.18])],
)
def test_cifar_10_ranks_nets_as_the_records_say(records, at_epoch, published):
    best = rep.from_results(records, at_epoch=at_epoch)
    table = rep.rank_correlations(best, reference="cifar-10").set_index("other").loc[OTHERS]
    assert table["correlation"].round(2).tolist() == published
    assert table["nets"].tolist() == [31, 31, 32, 30, 29, 30]


def test_the_best_epochs_are_late_on_cifar_10_and_early_on_places365(records):
    epochs = rep.from_results(records).groupby("dataset")["epoch"].median()
    assert epochs["cifar-10"] == 44
    assert epochs["places365"] == 2


def test_at_equal_epochs_only_places365_agrees(records):
    # Computed with pandas only: trials with epoch 5, best of epochs 1 to 5.
    some = records[records["dataset"].isin(["cifar-10", "places365"])]
    longest = some.groupby("trial")["epoch"].transform("max")
    best = some[(longest >= 5) & (some["epoch"] <= 5)].groupby(["nn", "dataset"])["accuracy"].max()
    wide = best.unstack().dropna()
    row = rep.rank_correlations(rep.from_results(some, at_epoch=5, complete=True)).iloc[0]
    assert row["nets"] == len(wide) == 15
    assert row["correlation"] == pytest.approx(wide.corr("spearman").iloc[0, 1])
    assert row["correlation"] > 0.5


def test_a_resolution_agrees_with_pandas(records):
    small = [("32" in prm["transform"].split("_")) for prm in records["prm"]]
    some = records[small]
    best = some[some["epoch"] <= 5].groupby(["nn", "dataset"])["accuracy"].max().unstack()
    expected = best.corr("spearman")["cifar-10"]
    best = rep.from_results(records, at_epoch=5, resolution=32)
    table = rep.rank_correlations(best, reference="cifar-10").set_index("other")
    pd.testing.assert_series_equal(
        table["correlation"], expected[table.index], check_names=False, check_exact=False
    )


@pytest.mark.skipif(not TIMM.exists(), reason="timm's tables are not here")
def test_timms_tables_are_a_population():
    parts = []
    for file in ("imagenet", "imagenetv2-matched-frequency", "sketch"):
        table = pd.read_csv(TIMM / f"results-{file}.csv")
        names = table["model"] + "@" + table["img_size"].astype(str)
        parts.append(pd.DataFrame({"net": names, "dataset": file, "error": table["top1_err"]}))
    both = pd.concat(parts)
    table = rep.rank_correlations(both, reference="imagenet")
    wide = both.pivot(index="net", columns="dataset", values="error").corr("spearman")
    assert table["nets"].tolist() == [1556, 1556]
    expected = [wide.loc["imagenet", other] for other in table["other"]]
    assert table["correlation"].tolist() == pytest.approx(expected)
