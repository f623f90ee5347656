import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemur_analysis import stats
from lemur_core.errors import SettingsError

POINTS = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), min_size=1, max_size=12)


@settings(max_examples=30, deadline=None)
@given(POINTS)
def test_the_front_is_the_rows_that_no_other_row_dominates(points):
    frame = pd.DataFrame(points, columns=["parameters", "accuracy"])
    front = {
        (row.parameters, row.accuracy)
        for row in stats.pareto_front(frame, "parameters").itertuples()
    }
    expected = {
        point for point in points
        if not any(
            other != point and other[0] <= point[0] and other[1] >= point[1] for other in points
        )
    }  # fmt: skip
    assert front == expected


def test_each_dataset_has_a_front_and_seconds_come_from_durations(frame):
    rows = frame(["A", "B"], 1, [0.5, 0.6], duration=[2e9, 1e9])
    both = pd.concat([rows, rows.assign(dataset="mnist", duration=[1e9, 2e9])])
    front = stats.pareto_front(both)
    assert front[["dataset", "nn", "seconds"]].to_numpy().tolist() == [
        ["cifar-10", "B", 1.0],
        ["mnist", "A", 1.0],
        ["mnist", "B", 2.0],
    ]


def test_rows_without_score_or_cost_are_left_out(frame):
    rows = frame(["A", "B", "C"], 1, [0.5, np.nan, 0.9], parameters=[1, 2, np.inf])
    assert stats.pareto_front(rows, "parameters")["nn"].tolist() == ["A"]
    assert stats.pareto_front(rows.iloc[:0], "parameters").empty


def test_a_missing_cost_is_an_error(frame):
    with pytest.raises(SettingsError, match="the frame has no column 'macs'"):
        stats.pareto_front(frame("A", 1, [0.5]), "macs")
