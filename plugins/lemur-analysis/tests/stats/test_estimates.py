import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from lemur_analysis import stats
from lemur_analysis.stats.estimates import interquartile_mean
from lemur_core.errors import SettingsError


def runs(scores):
    """Return a frame of runs with one epoch, from scores by net and dataset."""
    return pd.DataFrame(
        {"task": "t", "dataset": dataset, "metric": "acc", "nn": net, "accuracy": score,
         "trial": f"{net}{dataset}{number}", "epoch": 1}
        for (net, dataset), values in scores.items()
        for number, score in enumerate(values)
    )  # fmt: skip


def estimate(table, name, net="A"):
    return table[(table["nn"] == net) & (table["estimate"] == name)].to_dict("records")[0]


def test_estimates_by_hand():
    table = stats.interval_estimates(
        runs({("A", "x"): [0.2, 0.4, 0.6, 0.8], ("A", "y"): [0.5, 0.9]})
    )
    assert estimate(table, "mean")["value"] == pytest.approx((0.5 + 0.7) / 2)
    assert estimate(table, "median")["value"] == pytest.approx((0.5 + 0.7) / 2)
    assert estimate(table, "optimality_gap")["value"] == pytest.approx(0.4)
    # Cumulative weights: 0.2 .125, 0.4 .25, 0.5 .5, 0.6 .625, 0.8 .75. In the middle half, 0.6 and
    # 0.8 have a quarter each, and 0.5 a half.
    expected = (0.4 * 0.0 + 0.5 * 0.25 + 0.6 * 0.125 + 0.8 * 0.125) / 0.5
    assert estimate(table, "iqm")["value"] == pytest.approx(expected)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=4, max_size=24).filter(lambda values: len(values) % 4 == 0)
)
def test_the_interquartile_mean_is_scipys_trimmed_mean(values):
    expected = scipy_stats.trim_mean(values, 0.25)
    assert interquartile_mean([np.array(values)]) == pytest.approx(expected)
    halves = [np.array(values[::2]), np.array(values[1::2])]
    assert interquartile_mean(halves) == pytest.approx(expected)


def test_the_interval_of_one_dataset_is_scipys():
    values = np.random.default_rng(1).beta(5, 2, 30)
    table = stats.interval_estimates(runs({("A", "x"): values}), resamples=400, seed=3)
    expected = scipy_stats.bootstrap(
        (np.sort(values),), np.mean, n_resamples=400, batch=100, method="percentile",
        rng=np.random.default_rng(3),
    ).confidence_interval  # fmt: skip
    row = estimate(table, "mean")
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))
    assert row["resamples"] == 400


def test_runs_are_resampled_within_their_dataset():
    # If the runs of both datasets were resampled together, the mean would vary.
    table = stats.interval_estimates(runs({("A", "x"): [0.1] * 3, ("A", "y"): [0.9] * 9}))
    row = estimate(table, "mean")
    assert (row["value"], row["low"], row["high"]) == pytest.approx((0.5, 0.5, 0.5))
    assert (row["datasets"], row["runs"]) == (2, 12)


def test_a_single_run_has_no_interval_and_says_so():
    table = stats.interval_estimates(runs({("A", "x"): [0.1, 0.2], ("A", "y"): [0.9]}))
    row = estimate(table, "mean")
    assert np.isnan(row["low"])
    assert row["note"] == "no interval: 1 of 2 samples have one run"


def test_nets_are_compared_on_the_same_datasets():
    scores = {("A", "x"): [0.1, 0.2], ("A", "y"): [0.9, 0.8], ("B", "x"): [0.3, 0.4]}
    scores |= {("C", "x"): [0.3, 0.4], ("C", "y"): [0.3, 0.4]}
    table = stats.interval_estimates(runs(scores))
    assert sorted(table["nn"].unique()) == ["A", "C"]
    assert table["dropped_nets"].unique().tolist() == [1]


def test_a_runs_score_is_the_best_of_its_epochs():
    frame = runs({("A", "x"): [0.1, 0.2]})
    frame = pd.concat([frame, frame.assign(epoch=2, accuracy=[0.5, 0.15])])
    assert estimate(stats.interval_estimates(frame), "mean")["value"] == pytest.approx(0.35)


def test_metrics_are_estimated_separately():
    frame = runs({("A", "x"): [0.1, 0.3]})
    frame = pd.concat([frame, frame.assign(metric="f1", accuracy=[0.7, 0.9])])
    table = stats.interval_estimates(frame)
    means = table[table["estimate"] == "mean"].set_index("metric")["value"]
    assert means.to_dict() == pytest.approx({"acc": 0.2, "f1": 0.8})


SAMPLES = st.lists(st.integers(0, 6).map(lambda number: number / 6), min_size=2, max_size=8)


@settings(max_examples=10, deadline=None)
@given(SAMPLES, SAMPLES)
def test_the_probability_of_improvement_is_the_mann_whitney_statistic(x, y):
    frame = runs({("A", "x"): x, ("B", "x"): y})
    (row,) = stats.probability_of_improvement(frame, "A", "B", resamples=20).to_dict("records")
    expected = scipy_stats.mannwhitneyu(x, y, method="exact").statistic / (len(x) * len(y))
    assert row["probability"] == pytest.approx(expected)
    assert 0 <= row["low"] <= row["high"] <= 1
    (back,) = stats.probability_of_improvement(frame, "B", "A", resamples=20).to_dict("records")
    assert back["probability"] == pytest.approx(1 - expected)


def test_nets_that_share_no_dataset_cannot_be_compared():
    frame = runs({("A", "x"): [0.1, 0.2], ("B", "y"): [0.3, 0.4]})
    with pytest.raises(SettingsError, match="no dataset has results of both 'A' and 'B'"):
        stats.probability_of_improvement(frame, "A", "B")


def test_a_profile_is_the_share_of_runs_above_each_threshold():
    frame = runs({("A", "x"): [0.25, 0.5, 0.75, 1.0], ("A", "y"): [0.9, 0.1]})
    table = stats.performance_profile(frame, thresholds=5, resamples=50)
    # Of x above 0, .25, .5, .75, 1: 1, 3/4, 1/2, 1/4, 0; of y: 1, 1/2, 1/2, 1/2, 0.
    assert table["share"].tolist() == pytest.approx([1, 0.625, 0.5, 0.375, 0])
    assert (table["low"] <= table["share"]).all()
    assert (table["high"] >= table["share"]).all()


def test_empty_frames_have_no_estimates():
    frame = runs({("A", "x"): [0.5, 0.6]})
    for rows in (frame.iloc[:0], frame.assign(accuracy=np.nan)):
        assert stats.interval_estimates(rows).empty
        assert stats.performance_profile(rows).empty


def test_options_out_of_range_are_refused():
    frame = runs({("A", "x"): [0.5, 0.6]})
    with pytest.raises(SettingsError, match="resamples is 0; expected a whole number from 1"):
        stats.interval_estimates(frame, resamples=0)
    with pytest.raises(SettingsError, match="thresholds is 1; expected a whole number from 2"):
        stats.performance_profile(frame, thresholds=1)
    with pytest.raises(SettingsError, match="no column 'trial' or 'prm'"):
        stats.interval_estimates(frame.drop(columns="trial"))
