import numpy as np
import pytest
from pandas import DataFrame

from lemur_analysis import representativeness as rep
from lemur_core.errors import SettingsError


def test_the_spread_of_runs_is_listed_with_that_of_the_population():
    frame = DataFrame(
        {
            "net": ["a", "a", "a", "b"],
            "dataset": "x",
            "error": [0.1, 0.2, 0.3, 0.6],
        }
    )
    table = rep.training_noise(frame, least=3)
    assert table["net"].tolist()[1:] == ["a"]
    assert table["net"].isna().tolist() == [True, False]
    # The population consists of 0.2, which is the mean of a, and 0.6.
    assert table["count"].tolist() == [2, 3]
    assert table["mean"].tolist() == pytest.approx([0.4, 0.2])
    assert table["std"].tolist() == pytest.approx([0.08**0.5, 0.1])
    assert table["25%"].tolist() == pytest.approx([0.3, 0.15])
    assert rep.training_noise(frame, least=4)["net"].isna().tolist() == [True]


def test_the_gain_of_a_condition_is_the_error_without_minus_the_error_with():
    frame = DataFrame(
        {
            "net": ["a", "a", "b", "b", "c", "d", "d"],
            "dataset": "x",
            "pretrained": [False, True, True, False, True, False, None],
            "error": [0.5, 0.3, 0.2, 0.6, 0.1, 0.4, 0.3],
        }
    )
    pairs = rep.paired(frame, "pretrained")
    assert pairs[["net", "without", "with"]].to_numpy().tolist() == [
        ["a", 0.5, 0.3],
        ["b", 0.6, 0.2],
    ]
    row = rep.condition_gains(frame, "pretrained").iloc[0]
    assert row["nets"] == 2
    assert (row["mean_gain"], row["median_gain"]) == pytest.approx((0.3, 0.3))
    assert row["std_gain"] == pytest.approx(0.02**0.5)
    assert np.isnan(row["correlation"])


def test_each_change_of_hyperparameters_has_its_gain_and_rank_correlation():
    errors = {None: [0.5, 0.6, 0.7, 0.9], "stem=a": [0.4, 0.5, 0.7, 0.6], "stem=b": [0.9, 0.6]}
    rows = [
        (f"n{at}", "x", change, error)
        for change, of in errors.items()
        for at, error in enumerate(of)
    ]
    table = rep.change_gains(DataFrame(rows, columns=["net", "dataset", "changed", "error"]))
    assert table[["changed", "dataset", "nets"]].to_numpy().tolist() == [
        ["stem=a", "x", 4],
        ["stem=b", "x", 2],
    ]
    assert table["mean_gain"].tolist() == pytest.approx([0.125, -0.2])
    # The ranks 1, 2, 3, 4 and 1, 2, 4, 3 differ by 1 twice: 1 - 6 * 2 / (4 * 15).
    assert table["correlation"].iloc[0] == pytest.approx(0.8)


def test_figure_of_several_changes_is_refused():
    frame = DataFrame({"net": "a", "dataset": "x", "changed": ["", "s=1", "s=2"], "error": 0.1})
    with pytest.raises(SettingsError, match="rows have s=1 and s=2; draw one of them at a time"):
        rep.changed_hyperparameters(frame)


def test_repeated_conditions_are_refused():
    frame = DataFrame({"net": "a", "dataset": "x", "balanced": [True, True], "error": [0.1, 0.2]})
    with pytest.raises(SettingsError, match="1 rows repeat a row with the same net, dataset, bal"):
        rep.paired(frame, "balanced")
    with pytest.raises(SettingsError, match="no column 'pretrained'"):
        rep.paired(frame, "pretrained")


def test_without_pairs_the_frame_is_empty():
    frame = DataFrame({"net": ["a"], "dataset": "x", "balanced": [True], "error": [0.1]})
    assert rep.paired(frame, "balanced").empty
    assert rep.condition_gains(frame, "balanced").empty
