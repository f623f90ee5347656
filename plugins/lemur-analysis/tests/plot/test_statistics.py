"""Figures of statistics: they draw the results of the statistics."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from lemur_analysis import plot, stats
from lemur_analysis.plot.figure import missing_of, note_of
from lemur_analysis.plot.ranks import unique_labels
from lemur_core.errors import SettingsError

FIGURES = (
    plot.pareto, plot.critical_difference, plot.intervals, plot.performance_profile,
    plot.parallel_coordinates, plot.importance, plot.calibration,
)  # fmt: skip


OVER_DATA_SETS = (plot.critical_difference, plot.intervals, plot.performance_profile)


@pytest.fixture
def results():
    """Six datasets, four nets, three runs of one epoch each."""
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {"task": "t", "dataset": f"set-{dataset}", "metric": "acc", "nn": net, "epoch": 1,
         "accuracy": 0.2 * number + 0.1 * rng.uniform(), "duration": 1e9 * (4 - number),
         "trial": f"{dataset}{net}{run}", "predicted": 0.5, "validation": 0.4 + 0.1 * run,
         "prm": {"lr": 10.0 ** -rng.integers(1, 5), "momentum": rng.uniform(), "transform": net}}
        for dataset in range(6)
        for number, net in enumerate("ABCD", start=1)
        for run in range(3)
    )  # fmt: skip


def test_the_front_is_drawn_and_listed(results):
    rows = results[results["dataset"] == "set-0"]
    ax = plot.pareto(rows)
    front = stats.pareto_front(rows)
    drawn = ax.lines[-1]
    assert list(drawn.get_xdata()) == front["seconds"].tolist()
    assert list(drawn.get_ydata()) == front["accuracy"].tolist()
    points = sum(len(line.get_xdata()) for line in ax.lines[:-2])
    assert points == len(rows)
    assert note_of(ax) == f"n = 12; on the front: {', '.join(front['nn'].unique())}"


def test_a_cost_that_does_not_exist_is_an_error(results):
    with pytest.raises(SettingsError, match="the frame has no column 'parameters'"):
        plot.pareto(results, cost="parameters")


def test_records_without_a_time_are_counted(results):
    rows = results[results["dataset"] == "set-0"].astype({"duration": "float64"})
    rows.loc[rows["nn"] == "A", "duration"] = np.inf
    assert "n = 9; 3 without seconds" in note_of(plot.pareto(rows))
    none = plot.pareto(rows.assign(duration=np.nan))
    assert missing_of(none) == "none of 12 records has a score and seconds"


def test_the_diagram_shows_average_ranks(results):
    ax = plot.critical_difference(results)
    texts = [text.get_text().strip() for text in ax.texts]
    assert {"D  1.0", "C  2.0", "3.0  B", "4.0  A"} <= set(texts)
    bar = next(line for line in ax.lines if line.get_gid() == "critical difference")
    start, end = bar.get_xdata()
    assert end - start == pytest.approx(stats.critical_difference(4, 6))
    assert note_of(ax).startswith("6 complete blocks of 4 nets; left out: 0 blocks, 0 nets")


def test_too_few_datasets_give_a_message_instead_of_a_diagram(results):
    ax = plot.critical_difference(results[results["dataset"] == "set-0"])
    assert missing_of(ax) == "Friedman's test needs 2 datasets, not 1"
    assert missing_of(plot.critical_difference(results, epoch=7)) == "no scores at epoch 7"


def test_metrics_have_their_own_panels(results):
    both = pd.concat([results, results.assign(metric="f1")])
    assert len(plot.critical_difference(both)) == len(plot.intervals(both, resamples=20)) == 2


def test_intervals_are_those_of_the_statistic(results):
    ax = plot.intervals(results, estimate="mean", resamples=50)
    table = stats.interval_estimates(results, resamples=50)
    table = table[table["estimate"] == "mean"].sort_values("value")
    bars = [line for line in ax.lines if len(line.get_xdata()) == 2]
    assert [list(bar.get_xdata()) for bar in bars] == table[["low", "high"]].to_numpy().tolist()
    assert [text.get_text() for text in ax.get_yticklabels()] == [
        f"{net} (18)" for net in table["nn"]
    ]
    with pytest.raises(SettingsError, match="estimate is 'max'; expected iqm, median, mean"):
        plot.intervals(results, estimate="max")


def test_a_net_without_an_interval_is_hollow(results):
    ax = plot.intervals(results[results["trial"].str.endswith("0")], resamples=20)
    assert {line.get_markerfacecolor() for line in ax.lines} == {"white"}
    assert "hollow: no interval, as a dataset has one run" in note_of(ax)


def test_profiles_are_those_of_the_statistic(results):
    ax = plot.performance_profile(results, resamples=20)
    table = stats.performance_profile(results, resamples=20)
    best = next(line for line in ax.lines if line.get_color() == "#0173b2")
    np.testing.assert_allclose(best.get_ydata(), table[table["nn"] == "D"]["share"])
    assert len(ax.collections) == 4


def test_each_run_is_a_line_over_the_hyperparameters(results):
    ax = plot.parallel_coordinates(results[results["dataset"] == "set-0"])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["lr", "momentum", "transform"]
    (lines,) = ax.collections
    assert len(lines.get_segments()) == 12
    heights = np.array([segment[:, 1] for segment in lines.get_segments()])
    assert 0 <= heights.min() <= heights.max() <= 1
    assert list(lines.get_array()) == sorted(lines.get_array())


def test_importance_needs_a_single_net(results):
    axes = plot.importance(results[results["dataset"] == "set-0"])
    assert missing_of(axes) == "4 nets; importance needs a single net: select one"
    rows = results[(results["dataset"] == "set-0") & (results["nn"] == "A")]
    assert missing_of(plot.importance(rows)) == "3 trials; importance needs 20"
    many = pd.concat([rows.assign(trial=f"{number}") for number in range(20)])
    many = many.assign(
        trial=range(60), accuracy=np.linspace(0, 1, 60),
        prm=[{"lr": 0.1 * number, "momentum": number % 7} for number in range(1, 61)],
    )  # fmt: skip
    ax = plot.importance(many, evaluator="ped-anova")
    assert sum(bar.get_width() for bar in ax.patches) == pytest.approx(1)
    assert "n = 60 trials; ped-anova" in note_of(ax)


def test_predictions_are_drawn_against_measurements(results):
    ax = plot.calibration(results[results["dataset"] == "set-0"])
    assert list(ax.lines[0].get_ydata()) == [0.5] * 12
    assert "n = 12 trials; bias" in note_of(ax)
    nothing = plot.calibration(results[results["dataset"] == "set-0"].assign(predicted=np.nan))
    assert missing_of(nothing) == "no trial has a predicted and a measured final score"


@pytest.mark.parametrize("draw", FIGURES)
def test_no_results_and_missing_scores_give_a_message(draw, results):
    assert missing_of(draw(results.iloc[:0])) == "no results"
    rows = results[results["dataset"] == "set-0"]
    assert missing_of(draw(rows.assign(accuracy=np.nan, validation=np.nan)))


@pytest.mark.parametrize("draw", FIGURES)
def test_odd_names_and_one_row_are_drawn(draw, results):
    names = {"A": "x" * 300, "B": "x" * 299 + "y", "C": "$a_{b$ \a\n\u4e2d", "D": "_hidden"}
    rows = results.assign(nn=results["nn"].map(names))
    if draw not in OVER_DATA_SETS:
        rows = rows[rows["dataset"] == "set-0"]
    for some in (rows, rows.iloc[:1]):
        # Use a plain figure, without the slow layout of lemur's figures.
        _, ax = plt.subplots()
        draw(some, ax=ax)
        ax.figure.canvas.draw()


def test_labels_that_become_equal_by_shortening_are_numbered():
    assert len(set(unique_labels(["x" * 40, "x" * 41, "y"]))) == 3
