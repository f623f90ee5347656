import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from lemur_analysis import stats
from lemur_core.errors import SettingsError

NUMBERS = st.floats(-100, 100).map(lambda number: round(number, 3))
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=5, max_size=30)


@settings(max_examples=25, deadline=None)
@given(PAIRS, st.sampled_from(["pearson", "spearman"]))
def test_a_correlation_is_that_of_scipy(pairs, method):
    frame = pd.DataFrame(pairs, columns=["x", "y"])
    (row,) = stats.correlation(frame, "x", "y", method=method).to_dict("records")
    if frame["x"].nunique() == 1 or frame["y"].nunique() == 1:
        assert np.isnan(row["r"])
        return
    function = scipy_stats.pearsonr if method == "pearson" else scipy_stats.spearmanr
    result = function(frame["x"], frame["y"])
    assert row["r"] == pytest.approx(result.statistic, abs=1e-12)
    assert row["p"] == pytest.approx(result.pvalue, abs=1e-12)
    assert row["low"] - 1e-9 <= row["r"] <= row["high"] + 1e-9


def test_the_interval_of_a_rank_correlation_by_hand():
    # r = 1 - 6 * 8 / (5 * 24) = 0.6; sqrt(1.18 / 2) * 1.959964 = 1.505480; atanh(0.6) = 0.693147.
    frame = pd.DataFrame({"x": [1, 2, 3, 4, 5], "y": [1, 2, 5, 4, 3]})
    squares = ((frame["x"] - frame["y"]) ** 2).sum()
    assert squares == 8
    (row,) = stats.correlation(frame, "x", "y", method="spearman").to_dict("records")
    assert row["r"] == pytest.approx(0.6)
    assert row["low"] == pytest.approx(np.tanh(0.693147 - 1.505480), abs=1e-5)
    assert row["high"] == pytest.approx(np.tanh(0.693147 + 1.505480), abs=1e-5)


def test_missing_and_infinite_pairs_are_left_out(frame):
    rows = frame("A", [1, 2, 3, 4, 5], [0.1, 0.2, 0.3, np.nan, np.inf])
    (row,) = stats.correlation(rows, "epoch", "accuracy").to_dict("records")
    assert (row["n"], row["dataset"]) == (3, "cifar-10")
    assert row["r"] == pytest.approx(1)
    assert np.isnan(row["low"])


def test_rounding_errors_are_not_variance():
    frame = pd.DataFrame({"x": [0.1 + 0.2, 0.3, 0.3], "y": [1, 2, 3]})
    assert frame["x"].nunique() == 2
    (row,) = stats.correlation(frame, "x", "y").to_dict("records")
    assert np.isnan(row["r"])


def test_each_dataset_has_its_own_correlation(frame):
    up, down = frame("A", [1, 2], [0.1, 0.2]), frame("A", [1, 2], [0.2, 0.1])
    table = stats.correlation(pd.concat([up, down.assign(dataset="mnist")]), "epoch", "accuracy")
    assert table.set_index("dataset")["r"].to_dict() == {
        "cifar-10": pytest.approx(1),
        "mnist": pytest.approx(-1),
    }


def test_an_unknown_method_and_confidence_are_refused(frame):
    rows = frame("A", [1, 2], [0.1, 0.2])
    with pytest.raises(SettingsError, match="method is 'kendal'; expected pearson or spearman"):
        stats.correlation(rows, "epoch", "accuracy", method="kendal")
    with pytest.raises(SettingsError, match="confidence is 95; expected a number between 0 and 1"):
        stats.correlation(rows, "epoch", "accuracy", confidence=95)


def test_groups_of_one_score_have_no_standard_deviation_and_are_dropped(frame):
    table = stats.mean_std(frame(["A", "A", "B", "C", "C"], 1, [0.2, 0.4, 0.3, 0.1, np.nan]))
    assert table["nn"].tolist() == ["A"]
    assert table["mean"].tolist() == pytest.approx([0.3])
    assert table["std"].tolist() == pytest.approx([0.02**0.5])


def test_without_groups_the_correlation_is_empty(frame):
    (row,) = stats.mean_std_correlation(frame("A", 1, [0.5])).to_dict("records")
    assert (row["metric"], row["groups"]) == ("acc", 0)
    assert np.isnan(row["r"])
    assert stats.mean_std_correlation(frame([], [], [])).empty


def test_mean_and_deviation_correlate_as_in_the_published_figure(published):
    table = stats.mean_std_correlation(published, pooled=True).set_index("metric").round(2)
    assert (table.loc["iou", "r"], table.loc["iou", "groups"]) == (0.93, 322)
    assert (table.loc["acc", "r"], table.loc["acc", "groups"]) == (-0.17, 6522)
    assert table.loc["all, pooled", "r"] == -0.12
