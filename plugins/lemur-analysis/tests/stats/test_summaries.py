import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemur_analysis import stats
from lemur_core.errors import SettingsError

SCORES = st.floats(0, 1, allow_subnormal=False) | st.just(float("nan"))
ROWS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 3), SCORES), min_size=1)
NAMES = {"q25": "25%", "median": "50%", "q75": "75%"}


@settings(max_examples=25, deadline=None)
@given(ROWS)
def test_a_summary_is_that_of_pandas(rows):
    frame = pd.DataFrame(rows, columns=["nn", "epoch", "accuracy"])
    table = stats.summary(frame).set_index(["nn", "epoch"])
    expected = frame.groupby(["nn", "epoch"])["accuracy"].describe()
    for name in ("count", "mean", "std", "min", "q25", "median", "q75", "max"):
        np.testing.assert_allclose(
            table[f"accuracy_{name}"], expected[NAMES.get(name, name)], atol=1e-12
        )


def test_a_summary_by_hand(frame):
    rows = frame("A", 1, [0.1, 0.2, 0.6, np.nan, np.inf], duration=[1e9, 3e9, np.inf, None, 5e9])
    (row,) = stats.summary(rows).to_dict("records")
    assert row["rows"] == 5
    assert (row["accuracy_count"], row["accuracy_missing"]) == (3, 2)
    assert row["accuracy_mean"] == pytest.approx(0.3)
    assert row["accuracy_std"] == pytest.approx(0.07**0.5)  # (0.04 + 0.01 + 0.09) / 2
    assert row["accuracy_q75"] == pytest.approx(0.4)
    assert (row["seconds_count"], row["seconds_missing"]) == (3, 2)
    assert row["seconds_mean"] == pytest.approx(3)
    assert row["seconds_std"] == pytest.approx(2)


def test_metrics_datasets_and_tasks_are_summarised_separately(frame):
    rows = pd.concat([frame("A", 1, [0.1]), frame("A", 1, [0.9]).assign(metric="iou")])
    table = stats.summary(rows, by=())
    assert dict(zip(table["metric"], table["accuracy_mean"], strict=True)) == {
        "acc": 0.1,
        "iou": 0.9,
    }


def test_one_row_has_no_standard_deviation_and_no_warning(frame):
    (row,) = stats.summary(frame("A", 1, [0.5])).to_dict("records")
    assert np.isnan(row["accuracy_std"])
    assert row["accuracy_mean"] == 0.5
    assert "seconds_mean" not in row


def test_an_empty_frame_has_an_empty_summary(frame):
    assert stats.summary(frame([], [], [])).empty
    assert stats.overview(frame([], [], [])).empty
    assert stats.best(frame([], [], [])).empty


def test_a_repeated_row_index_does_not_matter(frame):
    rows = frame(["A", "A", "B"], 1, [0.1, 0.3, 0.5], duration=[1e9, 2e9, 3e9])
    repeated = rows.set_axis([7, 7, 7])
    pd.testing.assert_frame_equal(stats.summary(rows), stats.summary(repeated))


def test_without_columns_of_groups_all_rows_are_summarised():
    table = stats.summary(pd.DataFrame({"accuracy": [0.2, 0.4]}), by=())
    assert table["accuracy_mean"].tolist() == pytest.approx([0.3])
    assert table["rows"].tolist() == [2]


def test_missing_columns_and_texts_are_errors(frame):
    with pytest.raises(SettingsError, match="the frame has no column 'nn'"):
        stats.summary(pd.DataFrame({"accuracy": [1.0]}))
    with pytest.raises(SettingsError, match="column 'accuracy' holds .*; expected numbers"):
        stats.summary(frame("A", 1, ["high"]))


def test_the_best_row_is_the_first_of_the_highest_scores(frame):
    rows = frame(["A", "A", "B", "C"], [1, 2, 1, 1], [0.5, 0.5, 0.9, np.nan])
    best = stats.best(rows)
    assert best[["nn", "epoch"]].to_numpy().tolist() == [["B", 1], ["A", 1]]
    (row,) = stats.overview(rows).to_dict("records")
    assert (row["nets"], row["records"], row["missing"], row["best_net"]) == (3, 4, 1, "B")


def test_a_frame_of_missing_scores_has_no_best(frame):
    (row,) = stats.overview(frame("A", 1, [np.nan, np.nan])).to_dict("records")
    assert (row["records"], row["missing"]) == (2, 2)
    assert pd.isna(row["best_net"])


def test_records_by_dataset_are_those_of_the_published_results(published):
    table = stats.overview(published).set_index(["dataset", "metric"])["records"]
    assert table["cifar-10", "acc"] == 10438
    assert table["places365", "acc"] == 358
    assert table["coco", "iou"] == 1354
    assert table["coco", "map"] == 241
    assert table.sum() == 32424
