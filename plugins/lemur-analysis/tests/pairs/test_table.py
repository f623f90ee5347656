"""Reading of pairs, and errors for invalid frames."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemur_analysis.pairs import bottom, extremes, read_pairs, shares, summary, top
from lemur_core.errors import SettingsError

NAN = float("nan")


def table(first=(0.5, 0.75, 0.1), second=(0.25, 0.75, 0.7), **more):
    return pd.DataFrame({"pt_test_acc": first, "tf_test_acc": second, **more})


def test_the_columns_of_published_tables_are_recognised():
    frame = table(
        Name=list("abc"), learning_rate=[0.1] * 3, epochs=[1, 2, 3], accuracy_diff=[0.25, 0, 0.6]
    )
    result = read_pairs(frame)
    assert result.scores == ("pt_test_acc", "tf_test_acc")
    assert result.hyperparameters == ("learning_rate", "epochs")
    assert list(result.names) == ["a", "b", "c"]


def test_other_scores_and_hyperparameters_are_named():
    frame = pd.DataFrame({"dense": [0.5], "sparse": [0.25], "width": [3], "note": ["x"]})
    assert read_pairs(frame, "dense, sparse").hyperparameters == ("width",)
    assert read_pairs(frame, ["dense", "sparse"], "width").difference.tolist() == [0.25]


def test_a_difference_with_more_digits_than_the_scores_is_kept():
    frame = table([0.100000002], [0.100000001], accuracy_diff=[4.17e-10])
    assert read_pairs(frame).difference.tolist() == [4.17e-10]
    assert summary(frame)["min"].tolist() == [4.17e-10]


def test_a_summary_is_that_of_pandas():
    frame = table()
    [row] = summary(frame, threshold=0.25).to_dict("records")
    difference = pd.Series([0.25, 0.0, 0.6])
    assert row == {
        "pairs": 3, "complete": 3, "failed": 0, "repeated": 0,
        "min": 0.0, "max": pytest.approx(0.6), "median": 0.25,
        "mean": pytest.approx(difference.mean()), "threshold": 0.25, "above": 1, "share": 1 / 3,
    }  # fmt: skip


def test_failed_trainings_are_counted_and_do_not_affect_others():
    frame = table([0.5, NAN, 0.1, NAN], [0.25, 0.75, NAN, NAN])
    [row] = summary(frame).to_dict("records")
    assert (row["pairs"], row["complete"], row["failed"], row["mean"]) == (4, 1, 3, 0.25)
    first, second = extremes(frame).to_dict("records")
    assert (first["trainings"], first["failed"], first["min"], first["max"]) == (2, 2, 0.1, 0.5)
    assert (second["trainings"], second["failed"], second["min"]) == (2, 2, 0.25)


def test_a_difference_without_both_scores_does_not_count():
    assert summary(table([0.5], [NAN], accuracy_diff=[0.3]))["complete"].tolist() == [0]


def test_no_complete_pair_gives_nan_and_no_share():
    [row] = summary(table([NAN], [0.5])).to_dict("records")
    assert (row["complete"], row["above"]) == (0, 0)
    assert np.isnan([row["min"], row["median"], row["share"]]).all()
    assert top(table([NAN], [0.5])).empty


def test_no_rows_are_no_pairs():
    [row] = summary(table([], [])).to_dict("records")
    assert (row["pairs"], row["complete"]) == (0, 0)


def test_duplicate_rows_are_counted():
    assert summary(table([0.5, 0.5, 0.5], [0.1, 0.1, 0.2]))["repeated"].tolist() == [1]


def test_ties_are_all_named():
    frame = table([0.1, 0.1, 0.5, 0.9], [0.1, 0.1, 0.25, 0.1], Name=list("abcd"))
    least = bottom(frame, 1)
    assert least[["rank", "ties", "Name"]].values.tolist() == [[1, 2, "a"], [1, 2, "b"]]
    most = top(frame, 2)
    assert most[["rank", "ties", "Name"]].values.tolist() == [[1, 1, "d"], [2, 1, "c"]]


def test_shares_count_what_is_above_each_threshold():
    result = shares(table(), thresholds=(0, 0.25, 0.5, 1))
    assert result["above"].tolist() == [2, 1, 1, 0]
    assert result["complete"].tolist() == [3] * 4


def test_metrics_datasets_and_nets_are_never_combined():
    frame = table(metric=["acc", "iou", "acc"], dataset=["a", "a", "b"], nets=["x", "x", "x"])
    result = summary(frame)
    assert result[["dataset", "metric", "nets"]].values.tolist() == [
        ["a", "acc", "x"], ["a", "iou", "x"], ["b", "acc", "x"],
    ]  # fmt: skip
    assert result["pairs"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("column", ["nn", "net"])
def test_nets_are_grouped_whatever_their_column_is_called(column):
    assert summary(table(**{column: list("abb")}))["pairs"].tolist() == [1, 2]


@pytest.mark.parametrize("index", [[0, 0, 0], [2, 1, 0]])
def test_an_index_changes_nothing(index):
    frame = table()
    frame.index = index
    assert summary(frame).equals(summary(table()))
    assert top(frame).equals(top(table()))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.none() | st.floats(0, 1)] * 2), min_size=1, max_size=20))
def test_statistics_are_those_of_pandas(pairs):
    first, second = (pd.Series(side, dtype=float) for side in zip(*pairs, strict=True))
    difference = (first - second).abs().dropna()
    [row] = summary(table(first, second), threshold=0.25).to_dict("records")
    expected = difference.agg(["min", "max", "median", "mean"]).to_dict()
    assert {name: row[name] for name in expected} == pytest.approx(expected, nan_ok=True)
    assert (row["complete"], row["above"]) == (len(difference), (difference > 0.25).sum())
    ranked = top(table(first, second), 2)["difference"]
    assert sorted(ranked) == sorted(difference.nlargest(2, keep="all"))


@pytest.mark.parametrize(
    ("frame", "scores", "message"),
    [
        (
            pd.DataFrame({"lr": [0.1]}), "",
            "the frame has no pairs: name its two columns of scores, it has lr; or select the rows "
            "of a collection of pairs",
        ),
        (pd.DataFrame({"a": [0.1]}), "a, b", "the frame has no column 'b'; it has a"),
        (pd.DataFrame({"a": [0.1]}), "a", "scores a: expected the names of two columns"),
        (table(["high"], [0.5]), "", "column 'pt_test_acc' contains values that are not numbers"),
        (
            table([50.0], [0.5]), "",
            "column 'pt_test_acc' holds 50; expected scores from 0 to 1, missing where a training "
            "failed",
        ),
        (
            table([0.5], [float("inf")]), "",
            "column 'tf_test_acc' holds inf; expected scores from 0 to 1, missing where a training "
            "failed",
        ),
        (
            table([0.5], [0.25], accuracy_diff=[0.5], Name=["x"]), "",
            "pair x: the difference is given as 0.5, but the scores are 0.5 and 0.25",
        ),
    ],
)  # fmt: skip
def test_frames_without_valid_pairs_are_errors(frame, scores, message):
    with pytest.raises(SettingsError) as caught:
        summary(frame, scores=scores)
    assert str(caught.value) == message


def test_options_out_of_range_are_refused():
    with pytest.raises(SettingsError, match="threshold is 5; expected a number from 0 to 1"):
        summary(table(), threshold=5)
    with pytest.raises(SettingsError, match="n is 0; expected a whole number from 1"):
        top(table(), 0)
