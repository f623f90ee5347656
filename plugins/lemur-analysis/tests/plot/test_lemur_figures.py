"""Figures 3 to 12 of LEMUR's paper, compared with values computed by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt

from lemur_analysis import plot
from lemur_analysis.plot.figure import missing_of, note_of
from lemur_analysis.stats import mean_std as spreads_of
from lemur_core.errors import SettingsError


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def points_of(ax):
    return sorted(
        (float(x), float(y)) for line in ax.lines for x, y in zip(*line.get_data(), strict=True)
    )


def parts_of(ax, gid):
    return next(artist for artist in ax.collections if artist.get_gid() == gid)


@pytest.fixture
def mnist(records):
    return records.query("dataset == 'mnist'")


@pytest.fixture
def one_net(records):
    return records.query("dataset == 'cifar-10' and nn == 'AlexNet'")


def test_each_record_with_a_duration_is_a_point(mnist):
    ax = plot.score_time(mnist)
    known = mnist.dropna(subset="duration")
    expected = sorted(zip(known["duration"].astype(float) / 1e9, known["accuracy"], strict=True))
    np.testing.assert_allclose(points_of(ax), expected)
    assert note_of(ax) == "n = 12; 12 without a duration"
    assert ax.get_xlabel() == "time since training began (seconds)"


def test_times_that_span_decades_have_a_logarithmic_axis_with_units(mnist):
    times = [10**9 * seconds for seconds in (1, 10, 60, 600, 3600, 36000)]
    ax = plot.score_time(mnist.iloc[:6].assign(duration=times))
    assert ax.get_xscale() == "log"
    assert [tick.get_text() for tick in ax.get_xticklabels()] == [
        "1 s", "10 s", "1 min", "10 min", "1 h", "10 h",
    ]  # fmt: skip


def test_infinite_and_zero_durations_are_left_out(mnist):
    times = [np.inf, 0, 1e9, 2e9]
    ax = plot.score_time(mnist.iloc[:4].assign(duration=times))
    assert note_of(ax) == "n = 2; 2 without a duration"
    assert len(points_of(ax)) == 2


def test_scores_of_a_task_are_coloured_by_dataset(records):
    ax = plot.score_epoch_by_task(records)
    assert legend_of(ax) == ["cifar-10", "mnist"]
    assert len(points_of(ax)) == len(records)


def test_many_points_are_rasterized(mnist):
    many = pd.concat([mnist] * 60)
    assert all(line.get_rasterized() for line in plot.score_epoch(many).lines)
    assert not any(line.get_rasterized() for line in plot.score_epoch(mnist).lines)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.floats(0, 1)), min_size=1, max_size=20))
def test_curves_and_bands_are_mean_and_standard_deviation(rows):
    frame = pd.DataFrame(rows, columns=["epoch", "accuracy"]).assign(nn="a")
    _, ax = plt.subplots()
    plot.mean_std(frame, ax)
    for epoch, mean in zip(*ax.lines[0].get_data(), strict=True):
        scores = frame.loc[frame["epoch"] == epoch, "accuracy"]
        assert mean == pytest.approx(np.mean(scores))
        if len(scores) > 1:
            std = np.std(scores, ddof=1)
            edges = [path.vertices for path in ax.collections[0].get_paths()]
            at = np.concatenate(edges)
            heights = at[np.isclose(at[:, 0], epoch), 1]
            assert [min(heights), max(heights)] == pytest.approx([mean - std, mean + std])
    plt.close("all")


def test_bands_are_those_of_the_best_nets(mnist):
    ax = plot.mean_std(mnist, bands=1)
    assert len(ax.collections) == 1
    assert note_of(ax) == "n = 24; band of the best 1"
    assert not plot.mean_std(mnist, bands=0).collections


def test_the_panel_says_how_many_records_the_last_epoch_has(mnist):
    fewer = mnist[~(mnist["epoch"].eq(4) & mnist["nn"].ne("VGG"))]
    assert note_of(plot.rolling_mean(fewer)) == "n = 20; 6 at epoch 1, 2 at epoch 4"


def test_learning_curves_are_medians_and_quartiles_of_many_trials(one_net):
    scores = [0.1, 0.2, 0.3, 0.8]
    frame = pd.concat(
        one_net.query("trial.str.endswith('0')").assign(trial=f"t{n}", accuracy=score)
        for n, score in enumerate(scores)
    )
    ax = plot.learning_curves(frame, few=3)
    # With interpolation, the median is .25, and the quartiles are .175 and .425.
    assert ax.lines[0].get_ydata().tolist() == pytest.approx([0.25] * 4)
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert [min(heights), max(heights)] == pytest.approx([0.175, 0.425])


def test_learning_curves_of_few_trials_are_lines(one_net):
    ax = plot.learning_curves(one_net)
    assert [line.get_ydata().tolist() for line in ax.lines] == [
        pytest.approx([0.1, 0.2, 0.3, 0.4]),
        pytest.approx([0.15, 0.25, 0.35, 0.45]),
    ]
    assert note_of(ax) == "n = 8; a line for each trial"


def test_metrics_are_not_pooled_in_a_histogram(records):
    records.loc[records["dataset"] == "mnist", "metric"] = "iou"
    axes = plot.histogram(records)
    assert [ax.get_title("left") for ax in axes] == [
        "img-classification, acc",
        "img-classification, iou",
    ]
    for ax in axes:
        assert sum(bar.get_height() for bar in ax.patches) == 24
        assert {round(bar.get_width(), 9) for bar in ax.patches} == {0.02}


def test_datasets_are_stacked_in_a_histogram():
    frame = pd.DataFrame({"dataset": ["a", "a", "b"], "accuracy": [0.1, 0.11, 0.1]})
    ax = plot.histogram(frame, bins=2)
    bars = [(bar.get_x(), bar.get_y(), bar.get_height()) for bar in ax.patches]
    assert bars == [(0, 0, 2), (0.5, 0, 0), (0, 2, 1), (0.5, 0, 0)]
    assert legend_of(ax) == ["a", "b"]


def test_scores_beyond_0_and_1_are_also_in_the_histogram():
    ax = plot.histogram(pd.DataFrame({"accuracy": [-1.0, 0.5, 3.0]}), bins=4)
    assert [bar.get_height() for bar in ax.patches] == [1, 1, 0, 1]


def test_boxes_are_at_their_epochs(mnist):
    frame = mnist[mnist["epoch"] != 2]
    ax = plot.box(frame)
    medians = parts_of(ax, "medians").get_segments()
    expected = frame.groupby("epoch")["accuracy"].median()
    assert [line[:, 0].mean() for line in medians] == [1, 3, 4]
    assert [line[0, 1] for line in medians] == pytest.approx(expected.tolist())


def test_boxes_and_whiskers_are_those_of_matplotlib():
    frame = pd.DataFrame({"epoch": 1, "accuracy": [0.1, 0.2, 0.3, 0.4, 0.9]})
    ax = plot.box(frame)
    # The quartiles are .2 and .4; .1 to .4 lie within the limits of -.1 and .7, and .9 beyond.
    heights = parts_of(ax, "boxes").get_paths()[0].vertices[:, 1]
    assert [min(heights), max(heights)] == pytest.approx([0.2, 0.4])
    whiskers = [line[:, 1].tolist() for line in parts_of(ax, "whiskers").get_segments()]
    assert whiskers == [pytest.approx([0.1, 0.2]), pytest.approx([0.4, 0.4])]
    assert points_of(ax) == [(1, 0.9)]


def test_a_box_covers_several_epochs_if_there_are_many():
    frame = pd.DataFrame({"epoch": range(1, 151), "accuracy": 0.5})
    ax = plot.box(frame)
    assert "boxes of 3 epochs" in note_of(ax)
    medians = parts_of(ax, "medians").get_segments()
    assert [line[:, 0].mean() for line in medians] == list(range(2, 151, 3))


def test_pooled_datasets_are_listed(records):
    ax = plot.box_by_task(records)
    assert note_of(ax) == "n = 48; 2 datasets pooled: cifar-10, mnist"
    assert note_of(plot.box(records)[0]) == "n = 24"


def test_durations_of_the_first_epoch_are_sorted_with_the_fastest_net_at_the_top(records):
    ax = plot.first_epoch_duration(records)[1]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == [
        "VGG (1)", "ResNet (1)", "AlexNet (1)",
    ]  # fmt: skip
    assert points_of(ax) == [(1, 2), (2, 1), (3, 0)]
    assert note_of(ax) == "n = 3; 3 without a duration"


def test_a_trial_with_two_metrics_has_one_duration(records):
    both = pd.concat([records, records.assign(metric="acc5")])
    ax = plot.first_epoch_duration_by_task(both)
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["cifar-10 (6)", "mnist (3)"]


def test_later_epochs_do_not_replace_the_first(mnist):
    ax = plot.first_epoch_duration(mnist[mnist["epoch"] > 1])
    assert missing_of(ax) == "no records of the first epoch"


def test_a_trial_is_a_line_against_time(one_net):
    ax = plot.lines_time(one_net)
    lines = [line.tolist() for line in ax.collections[0].get_segments()]
    np.testing.assert_allclose(
        lines,
        [
            [[1, 0.1], [2, 0.2], [3, 0.3], [4, 0.4]],
            [[1, 0.15], [2, 0.25], [3, 0.35], [4, 0.45]],
        ],
    )
    assert note_of(ax) == "n = 8; 2 trials"


def test_the_line_of_a_net_is_the_best_score_so_far(one_net):
    times, scores = [4e9, 1e9, 2e9, 3e9], [0.4, 0.3, 0.1, 0.35]
    ax = plot.lines_time(one_net.iloc[:4].assign(duration=times, accuracy=scores), by="net")
    assert ax.lines[0].get_xdata().tolist() == [1, 2, 3, 4]
    assert ax.lines[0].get_ydata().tolist() == [0.3, 0.3, 0.35, 0.4]


def test_lines_are_by_trial_or_net(one_net):
    with pytest.raises(SettingsError) as caught:
        plot.lines_time(one_net, by="nett")
    assert str(caught.value) == "by is 'nett'. Did you mean 'net'?"
    with pytest.raises(SettingsError, match="the frame has no column 'trial'"):
        plot.lines_time(one_net.drop(columns="trial"))


def test_correlations_of_mean_and_deviation_are_by_metric_unless_pooled():
    # The standard deviation increases with the mean, .1 and .3, for x, and decreases for y.
    rows = [
        (metric, epoch, mean + sign * std)
        for metric, pairs in (("x", [(0.1, 0.01), (0.3, 0.03)]), ("y", [(0.1, 0.03), (0.3, 0.01)]))
        for epoch, (mean, std) in enumerate(pairs, 1)
        for sign in (-1, 1)
    ]
    frame = pd.DataFrame([*rows, ("x", 3, 0.9)], columns=["metric", "epoch", "accuracy"])
    axes = plot.mean_std_correlation(frame.assign(nn="a"))
    assert [note_of(ax) for ax in axes] == [
        "n = 5; 2 groups of 2 or more, r = 1.00",
        "n = 4; 2 groups of 2 or more, r = -1.00",
    ]
    assert points_of(axes[0]) == [
        (pytest.approx(0.1), pytest.approx(0.01 * 2**0.5)),
        (pytest.approx(0.3), pytest.approx(0.03 * 2**0.5)),
    ]
    pooled = plot.mean_std_correlation(frame.assign(nn="a"), pooled=True)
    assert note_of(pooled) == (
        "n = 9; 4 groups of 2 or more, r = 0.00; all tasks and metrics pooled"
    )


def test_a_correlation_needs_groups_that_vary(mnist):
    frame = mnist.query("epoch == 1 and nn == 'VGG'")
    ax = plot.mean_std_correlation(frame)
    assert note_of(ax) == "n = 2; 1 group of 2 or more, r is not defined"
    ax = plot.mean_std_correlation(frame.iloc[:1])
    assert missing_of(ax) == "no net has two records of an epoch"


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 3), st.floats(0, 1)), max_size=20))
def test_spreads_are_those_of_numpy(rows):
    frame = pd.DataFrame(rows, columns=["nn", "epoch", "accuracy"])
    spreads = spreads_of(frame).set_index(["nn", "epoch"])
    for key in {(net, epoch) for net, epoch, _ in rows}:
        scores = [score for *group, score in rows if tuple(group) == key]
        assert (key in spreads.index) == (len(scores) > 1)
        if len(scores) > 1:
            expected = [len(scores), np.mean(scores), np.std(scores, ddof=1)]
            assert spreads.loc[key].tolist() == pytest.approx(expected, abs=1e-12)
