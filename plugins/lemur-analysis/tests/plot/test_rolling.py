import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemur_analysis import plot
from lemur_analysis.plot.rolling import rolling_means
from lemur_core.errors import SettingsError


@settings(max_examples=30, deadline=None)
@given(
    epochs=st.lists(st.integers(1, 30), min_size=1, max_size=40),
    window=st.integers(1, 8),
    data=st.data(),
)
def test_means_are_those_of_pandas_over_all_epochs(epochs, window, data):
    scores = data.draw(st.lists(st.floats(0, 1), min_size=len(epochs), max_size=len(epochs)))
    frame = pd.DataFrame({"nn": "a", "epoch": epochs, "accuracy": scores})
    means = frame.groupby("epoch")["accuracy"].mean()
    every = means.reindex(range(min(epochs), max(epochs) + 1))
    expected = every.rolling(window, center=True, min_periods=1).mean()[means.index]
    np.testing.assert_allclose(rolling_means(frame, window)["a"], expected, atol=1e-9)


def test_a_window_spans_epochs_rather_than_rows():
    frame = pd.DataFrame({"nn": "a", "epoch": [1, 2, 10, 11], "accuracy": [0.0, 0.2, 0.6, 1.0]})
    # Epochs 1 and 2 are in the same windows, and so are 10 and 11.
    assert rolling_means(frame, 5)["a"].tolist() == pytest.approx([0.1, 0.1, 0.8, 0.8])


def test_a_net_has_no_mean_at_epochs_that_it_was_not_trained_for():
    frame = pd.DataFrame({"nn": ["a", "a", "b"], "epoch": [1, 3, 2], "accuracy": [0.1, 0.3, 0.9]})
    assert rolling_means(frame, 3)["b"].dropna().to_dict() == {2: 0.9}


def test_the_axis_label_names_the_window(records):
    assert plot.rolling_mean(records, window=3)[0].get_ylabel() == "score (acc), mean of 3 epochs"


@pytest.mark.parametrize("window", [0, -3])
def test_a_window_that_is_too_narrow_is_an_error(records, window):
    with pytest.raises(SettingsError) as caught:
        plot.rolling_mean(records, window=window)
    assert str(caught.value) == f"window is {window}; expected a whole number from 1"
