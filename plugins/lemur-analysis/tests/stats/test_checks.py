import numpy as np
import pandas as pd
import pytest

from lemur_analysis import stats


def kinds(table):
    return table["kind"].value_counts().to_dict()


def test_sound_results_have_no_anomalies(frame):
    rows = frame("A", [1, 2], [0.5, 0.6], duration=[1e9, 2e9], prm=[{"lr": 0.1}] * 2)
    table = stats.anomalies(rows)
    assert table.empty
    assert list(table.columns) == [
        "kind", "task", "dataset", "metric", "nn", "epoch", "setting", "value", "meaning",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("accuracy", "kind", "value"),
    [
        ([0.5, np.nan], "no score", None),
        ([0.5, 1.2], "out of range", 1.2),
        ([0.5, np.inf], "out of range", np.inf),
        ([0.5, -0.1], "out of range", -0.1),
        ([0.5, 0.09], "below chance", 0.09),
    ],
)
def test_odd_scores_are_reported_with_their_value(frame, accuracy, kind, value):
    rows = frame("A", [1, 2], accuracy, duration=[1e9, 2e9], trial="t")
    (row,) = stats.anomalies(rows).to_dict("records")
    assert (row["kind"], row["epoch"], row["nn"]) == (kind, 2, "A")
    assert row["value"] == value or (value is None and np.isnan(row["value"]))


def test_chance_scores_apply_to_accuracy_unless_given(frame):
    rows = frame("A", [1], [0.05], duration=[1e9], trial="t").assign(metric="f1")
    assert stats.anomalies(rows).empty
    (row,) = stats.anomalies(rows, chance={"cifar-10": 0.06}).to_dict("records")
    assert row["meaning"] == "guessing the most frequent class gives 0.0600"


def test_equal_scores_are_a_group_without_variance(frame):
    rows = frame("A", 1, [0.5, 0.5, 0.5], duration=1e9, trial=list("abc"))
    (row,) = stats.anomalies(rows).to_dict("records")
    assert (row["kind"], row["value"]) == ("no variance", 3)


def test_impossible_durations_are_reported(frame):
    rows = frame("A", [1, 2, 3], [0.5, 0.6, 0.7], duration=[-1e9, 2e9, np.inf], trial="t")
    assert stats.anomalies(rows)["value"].tolist() == [-1, np.inf]


def test_settings_are_followed_over_their_epochs(frame):
    prm = [{"lr": 0.1, "batch": 8}, {"batch": 8, "lr": 0.1}, {"lr": 0.1, "batch": 8}]
    rows = frame("A", [1, 3, 3], [0.5, 0.6, 0.7], duration=[5e9, 4e9, 9e9], prm=prm)
    table = stats.anomalies(rows).set_index("kind")
    assert table["value"].to_dict() == {
        "duration falls": 1.0,
        "recorded twice": 2,
        "epochs lacking": 1,
    }
    assert set(table["setting"]) == {'{"batch": 8, "lr": 0.1}'}


def test_hyperparameters_in_columns_make_the_same_settings(frame):
    rows = frame("A", [1, 1, 1], [0.5, 0.6, 0.7], duration=1e9)
    rows = rows.assign(**{"prm.lr": [0.1, 0.1, 0.2], "prm.momentum": [np.nan, np.nan, 0.9]})
    (row,) = stats.anomalies(rows).to_dict("records")
    assert (row["kind"], row["value"], row["setting"]) == ("recorded twice", 2, '{"lr": 0.1}')


def test_checks_without_their_columns_are_reported(frame):
    table = stats.anomalies(frame("A", [1], [0.5]).drop(columns="dataset"))
    assert kinds(table) == {"not checked": 3}
    assert table["meaning"].tolist() == [
        "no column dataset, so the score of guessing is unknown",
        "no column duration",
        "no column prm or trial, so settings are unknown",
    ]


def test_an_empty_frame_has_no_anomalies(frame):
    assert stats.anomalies(frame([], [], [], duration=[], trial=[])).empty


def test_a_repeated_row_index_does_not_matter(frame):
    rows = frame("A", [1, 2], [np.nan, 2.0], duration=[1e9, 2e9], trial="t")
    expected = stats.anomalies(rows)
    pd.testing.assert_frame_equal(stats.anomalies(rows.set_axis([3, 3])), expected)


def test_anomalies_of_the_published_results(published):
    counts = kinds(stats.anomalies(published))
    assert counts["epochs lacking"] == 2779
    assert counts["duration falls"] == 7
    assert (
        counts["no variance"]
        == (
            published.groupby(["task", "dataset", "metric", "nn", "epoch"])["accuracy"]
            .agg(["nunique", "size"])
            .query("nunique == 1 and size > 1")
            .shape[0]
        )
    )
