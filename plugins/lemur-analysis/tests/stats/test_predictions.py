import numpy as np
import pandas as pd
import pytest

from lemur_analysis import stats


@pytest.fixture
def trials(frame):
    """Three trials: two have predictions, and the second of these was stopped early."""
    validation = [0.5, 0.7, 0.4, 0.5, 0.1, 0.2]
    return frame(
        "A", [1, 2] * 3, [0.0] * 6, trial=list("aabbcc"), validation=validation,
        predicted=[0.8, 0.8, 0.6, 0.6, np.nan, np.nan], epochs=[2, 2, 9, 9, 2, 2],
    )  # fmt: skip


def test_trials_trained_to_the_end_are_compared(trials):
    table = stats.predictions(trials)
    assert table[["trial", "predicted", "measured"]].to_numpy().tolist() == [["a", 0.8, 0.7]]
    (row,) = stats.calibration(trials).to_dict("records")
    assert (row["trials"], row["note"]) == (1, "")
    assert row["bias"] == pytest.approx(0.1)
    assert np.isnan(row["covered"])


def test_errors_if_the_end_of_training_is_unknown(trials):
    ends = {"predicted_low": 0.65, "predicted_high": 0.9}
    (row,) = stats.calibration(trials.drop(columns="epochs").assign(**ends)).to_dict("records")
    assert row["trials"] == 2
    assert row["mae"] == pytest.approx(0.1)
    assert row["rmse"] == pytest.approx(0.1)
    assert row["covered"] == 0.5  # 0.7 is between 0.65 and 0.9, 0.5 is not
    assert row["note"] == "not known to be trained to the end: no column epochs"


def test_without_predictions_the_table_is_empty(trials):
    assert stats.calibration(trials.assign(predicted=np.nan)).empty
    assert stats.calibration(trials.iloc[:0]).empty
    assert isinstance(stats.predictions(trials.iloc[:0]), pd.DataFrame)
