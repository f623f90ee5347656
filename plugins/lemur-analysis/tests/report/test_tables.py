import numpy as np
import pandas as pd

from lemur_analysis.report import tables


def test_statistics_of_an_epoch_are_those_of_numpy(records):
    scores = [0.1, 0.2, 0.4, 0.8]
    frame = pd.concat([records({"A": [score]}) for score in scores])
    (row,) = tables.epochs(frame).to_dict("records")
    statistics = [row[f"score {name}"] for name in ("count", "mean", "std", "min", "max")]
    assert np.allclose(statistics, [4, np.mean(scores), np.std(scores, ddof=1), 0.1, 0.8])
    quartiles = [row[f"score {name}"] for name in ("lower quartile", "median", "upper quartile")]
    assert np.allclose(quartiles, np.quantile(scores, [0.25, 0.5, 0.75]))
    assert (row["seconds count"], row["seconds mean"], row["seconds std"]) == (4, 1.0, 0.0)


def test_metrics_are_not_combined(records):
    frame = pd.concat([records({"A": [0.25]}), records({"A": [0.75]}, metric="acc5")])
    assert list(tables.epochs(frame)["score mean"]) == [0.25, 0.75]
    assert list(tables.nets(frame)["best score"]) == [0.25, 0.75]


def test_the_best_net_comes_first_with_its_epoch(records):
    table = tables.nets(records({"A": [0.5, 0.4], "B": [0.1, 0.9], "C": [None, None]}))
    assert list(table["net"]) == ["B", "A", "C"]
    rows = table.set_index("net")
    assert (rows.loc["B", "best score"], rows.loc["B", "at epoch"]) == (0.9, 2)
    assert (rows.loc["C", "missing"], rows.loc["C", "records"]) == (2, 2)
    assert pd.isna(rows.loc["C", "at epoch"])


def test_raw_records_have_seconds_and_hyperparameters_as_columns(records):
    table = tables.raw(records({"A": [0.5, 0.6]}))
    assert list(table.columns) == [*tables.COLUMNS, "prm.epoch", "lr"]
    assert list(table["duration"]) == [1.0, 2.0]
    assert list(table["epoch"]) == [1, 2]
    assert list(table["prm.epoch"]) == [5, 5]


def test_hyperparameters_may_be_columns_already(records):
    frame = records({"A": [0.5]}).drop(columns="prm").assign(**{"prm.lr": 0.1, "prm.epoch": 5})
    assert list(tables.raw(frame).columns) == [*tables.COLUMNS, "prm.epoch", "lr"]
