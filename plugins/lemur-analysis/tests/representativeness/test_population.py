from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas import DataFrame

from lemur_analysis import representativeness as rep
from lemur_analysis.representativeness.population import population_of
from lemur_core.errors import SettingsError

from .populations import lists, results

TABLE = ["net", "dataset", "error", "epoch"]


def rows(frame, columns=TABLE):
    """Return rows as tuples with rounded numbers."""
    return [tuple(row) for row in frame[columns].round(6).itertuples(index=False)]


def test_the_best_epoch_is_chosen_by_the_validation_score():
    frame = results(
        ("A", "x", "t", 1, 0.9, 0.5, "norm_32"),
        ("A", "x", "t", 2, 0.6, 0.7, "norm_32"),
    )
    assert rows(rep.from_results(frame)) == [("A", "x", 0.4, 2)]


def test_without_validation_scores_the_test_score_chooses():
    frame = results(
        ("A", "x", "t", 1, 0.9, np.nan, "norm_32"),
        ("A", "x", "t", 2, 0.6, np.nan, "norm_32"),
    )
    assert rows(rep.from_results(frame)) == [("A", "x", 0.1, 1)]


def test_rows_without_a_validation_score_are_not_mixed_with_others():
    frame = results(
        ("A", "x", "t", 1, 0.9, np.nan, "norm_32"),
        ("A", "x", "u", 1, 0.6, 0.7, "norm_32"),
        ("A", "y", "v", 1, 0.8, np.nan, "norm_32"),
    )
    assert rows(rep.from_results(frame)) == [("A", "x", 0.4, 1), ("A", "y", 0.2, 1)]


def test_the_later_of_tied_epochs_counts():
    frame = results(
        ("A", "x", "t", 2, 0.9, 0.9, "norm_32"),
        ("A", "x", "t", 3, 0.7, 0.9, "norm_32"),
        ("A", "x", "t", 1, 0.8, 0.9, "norm_32"),
    )
    assert rows(rep.from_results(frame)) == [("A", "x", 0.3, 3)]


def test_later_epochs_do_not_count():
    frame = results(
        ("A", "x", "t", 1, 0.5, np.nan, "norm_32"),
        ("A", "x", "t", 6, 0.9, np.nan, "norm_32"),
        ("A", "x", "u", 1, 0.7, np.nan, "norm_32"),
    )
    assert rows(rep.from_results(frame, at_epoch=5)) == [("A", "x", 0.3, 1)]
    assert rows(rep.from_results(frame, at_epoch=5, complete=True)) == [("A", "x", 0.5, 1)]


def test_a_resolution_is_read_from_the_transform():
    frame = results(
        ("A", "x", "t", 1, 0.5, np.nan, "norm_32_flip"),
        ("A", "x", "u", 1, 0.9, np.nan, "echo"),
        ("A", "x", "v", 1, 0.8, np.nan, "norm_320"),
    )
    assert rows(rep.from_results(frame, resolution=32)) == [("A", "x", 0.5, 1)]
    assert rep.runs_from_results(frame)["resolution"].tolist()[::2] == [32, 320]
    assert np.isnan(rep.runs_from_results(frame)["resolution"][1])
    columns = frame.drop(columns="prm").assign(transform=["norm_32", "echo", "norm_64"])
    assert rows(rep.from_results(columns, resolution=64)) == [("A", "x", 0.2, 1)]
    with pytest.raises(SettingsError, match="has neither 'prm' nor 'transform'"):
        rep.from_results(frame.drop(columns="prm"), resolution=32)


def test_the_best_trial_is_chosen_by_the_validation_score():
    frame = results(
        ("A", "x", "t", 1, 0.9, 0.5, "norm_32"),
        ("A", "x", "u", 1, 0.6, 0.7, "norm_32"),
    )
    best = rep.from_results(frame)
    assert rows(best) == [("A", "x", 0.4, 1)]
    assert best["runs"].tolist() == [2]


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=7),
    st.integers(1, 8),
)
def test_the_best_of_some_settings_is_the_mean_over_all_ways_to_draw_them(errors, drawn):
    runs = DataFrame({"net": "A", "dataset": "x", "error": errors})
    best = rep.best_runs(runs, settings=drawn)
    ways = [min(some) for some in combinations(errors, drawn)]
    expected = [np.mean(ways)] if ways else []
    np.testing.assert_allclose(best["error"], expected, atol=1e-12)


def test_relative_errors_are_relative_to_the_lowest_on_the_dataset():
    frame = rep.relative_errors(lists(x=[0.1, 0.2, 0.4], y=[0, 0.5, np.nan]))
    assert frame["relative_error"].tolist()[:3] == pytest.approx([1, 2, 4])
    assert frame["relative_error"][3:].isna().tolist() == [True, True]


def test_missing_errors_are_left_out():
    table = rep.error_table(lists(x=[0.1, np.nan], y=[0.3, 0.4]))
    assert table["x"].count() == 1
    assert table["y"].count() == 2


def error_message(function, *arguments, **options):
    with pytest.raises(SettingsError) as error:
        function(*arguments, **options)
    return str(error.value)


def test_infinite_errors_are_refused():
    assert error_message(rep.error_table, lists(x=[0.1, np.inf])) == (
        "the error of net 'n1' on 'x' is infinite; leave infinite errors out"
    )
    frame = results(("A", "x", "t", 1, -np.inf, np.nan, "echo"))
    assert error_message(rep.from_results, frame).startswith("the error of net ")


def test_two_rows_of_one_net_and_dataset_are_refused():
    frame = DataFrame({"net": ["A", "A"], "dataset": ["x", "x"], "error": [0.1, 0.2]})
    assert error_message(rep.error_table, frame) == (
        "1 rows repeat a row with the same net, dataset, first net 'A', dataset 'x'; "
        "keep one of each, for example with best_runs(frame)"
    )


@pytest.mark.parametrize("column", ["metric", "task"])
def test_several_metrics_or_tasks_are_refused(column):
    frame = results(
        ("A", "x", "t", 1, 0.5, np.nan, "echo"), ("A", "y", "u", 1, 0.5, np.nan, "echo")
    )
    frame[column] = ["iou", "acc"]
    assert error_message(rep.from_results, frame) == (
        f"the results have several {column}s: acc, iou; their errors cannot be compared, "
        f"select one {column}"
    )


def test_a_frame_that_is_not_a_population_is_an_error():
    assert error_message(rep.error_table, DataFrame({"net": ["A"]})) == (
        "the frame has no column 'dataset', 'error'; it has net"
    )
    assert error_message(population_of, lists(x=[0.1]), at_epoch=5) == (
        "at_epoch can only be used with results, but the frame is a population; "
        "select its rows beforehand"
    )
    frame = results(("A", "x", "t", 1, 0.5, np.nan, "echo"))
    assert error_message(rep.from_results, frame, at_epoch=-1) == (
        "at_epoch is -1; expected a whole number from 0"
    )
    assert error_message(rep.best_runs, lists(x=[0.1]), settings=-1).startswith("settings is -1")


def test_errors_that_are_texts_are_refused():
    assert error_message(rep.error_table, lists(x=[0.1, "0.2"])) == (
        "column 'error' holds '0.2'; expected numbers"
    )
    frame = results(("A", "x", "t", 1, "good", np.nan, "echo"))
    assert (
        error_message(rep.from_results, frame) == "column 'accuracy' holds 'good'; expected numbers"
    )


def test_without_results_the_population_is_empty():
    frame = results(("A", "x", "t", 1, 0.5, np.nan, "echo"))
    for empty in (frame.iloc[:0], frame.assign(accuracy=np.nan)):
        assert rows(rep.from_results(empty, at_epoch=5)) == []
        assert rows(rep.from_results(empty, settings=2), TABLE[:3]) == []
