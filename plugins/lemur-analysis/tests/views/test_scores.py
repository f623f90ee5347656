"""``lemur show scores`` draws a point for each trial."""

import sqlite3
from contextlib import closing
from itertools import pairwise

import pytest

import lemur_core
from lemur_analysis.cli.scores import scores
from lemur_analysis.plot import files

VIEW = scores


@pytest.fixture
def record(db):
    def call(prm, validation, *more, net="LeNet", dataset="mine", **losses):
        pipeline = f"img-classification_{dataset}_acc_{net}"
        with lemur_core.recording(pipeline, prm, db=db) as trial:
            for score in (validation, *more):
                trial.epoch(validation=score, accuracy=score / 2, **losses)

    return call


@pytest.fixture
def axes(monkeypatch):
    """The axes of the picture that is written last."""
    drawn = []
    monkeypatch.setattr(files, "save", lambda figure, path: drawn.extend(figure.axes))
    return drawn


def points(ax):
    return sorted(point for line in ax.lines for point in zip(*line.get_data(), strict=True))


def test_the_score_is_that_of_the_best_epoch_by_validation(run, record, axes, tmp_path):
    record({"lr": 0.1}, 0.5, 0.9, 0.6)
    record({"lr": 0.2}, 0.7)
    assert "o LeNet  2 trials, highest 0.9000 at lr=0.1" in run("--x", "lr").splitlines()
    run("--x", "lr", "-o", tmp_path / "s.png")
    assert points(axes[0]) == [(0.1, 0.9), (0.2, 0.7)]
    assert (axes[0].get_xscale(), axes[0].get_ylabel()) == ("linear", "validation score")
    run("--x", "lr", "--y", "test", "--epoch", 1, "-o", tmp_path / "s.png")
    assert points(axes[1]) == [(0.1, 0.25), (0.2, 0.35)]


def test_the_axis_is_logarithmic_beyond_two_decades(run, record, axes, tmp_path):
    for lr in (1e-5, 1e-3, 0.1):
        record({"lr": lr, "decay": 0.0 if lr == 0.1 else lr}, 0.5)
    assert "lr (logarithmic)" in run("--x", "lr")
    assert "(logarithmic)" not in run("--x", "decay")
    run("--x", "lr", "-o", tmp_path / "s.png")
    run("--x", "decay", "-o", tmp_path / "s.png")
    assert [ax.get_xscale() for ax in axes] == ["log", "linear"]


def test_numbers_below_the_axis_do_not_overlap(run, record, axes, tmp_path):
    # Two charts, beside each other.
    record({"lr": 0.00027913165}, 0.5)
    record({"lr": 0.00027913165}, 0.5, dataset="yours")
    run("--x", "lr", "-o", tmp_path / "s.png")
    for ax in axes:
        ax.figure.draw_without_rendering()
        low, high = ax.get_xlim()
        ticks = [tick for tick in ax.xaxis.get_major_ticks() if low <= tick.get_loc() <= high]
        boxes = [tick.label1.get_window_extent() for tick in ticks]
        assert len(boxes) > 2
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


@pytest.mark.parametrize("x", ["lr", "transform"])
def test_a_logarithmic_axis_of_scores_is_called_so(run, record, x):
    for score in (0.004, 0.5):
        record({"lr": score, "transform": "echo"}, score)
    title = "validation score (logarithmic) against {}, img-classification_mine_acc"
    assert run("--x", x).splitlines()[0] == title.format(x)
    title = "test score against {}, img-classification_mine_acc"
    assert run("--x", x, "--y", "test", "--where", "lr=0.5").splitlines()[0] == title.format(x)


def test_values_that_are_not_numbers_are_categories(run, record, axes, tmp_path):
    for value in ("norm_32", "echo", 3, "norm_32"):
        record({"transform": value}, 0.5)
    text = run("--x", "transform")
    assert [line.split("┤")[0].strip() for line in text.splitlines() if "┤" in line] == [
        "3 (1)", "echo (1)", "norm_32 (2)"
    ]  # fmt: skip
    run("--x", "transform", "-o", tmp_path / "s.png")
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["3", "echo", "norm_32"]
    assert points(axes[0]) == [(0.5, 0), (0.5, 1), (0.5, 2), (0.5, 2)]
    assert axes[0].get_xlabel() == "validation score"


def test_nets_have_markers_and_datasets_charts_of_their_own(run, record):
    record({"lr": 0.1}, 0.5)
    record({"lr": 0.1}, 0.8, net="VGG")
    record({"lr": 0.1}, 0.3, dataset="yours")
    text = run("--x", "lr")
    assert text.count("validation score against lr, ") == 2
    assert "o VGG  1 trial, highest 0.8000 at lr=0.1" in text
    assert "x LeNet  1 trial, highest 0.5000 at lr=0.1" in text
    assert "o LeNet  1 trial, highest 0.3000 at lr=0.1" in text


@pytest.mark.parametrize("name", ["loss", "validation_loss"])
def test_nets_with_the_lowest_losses_come_first(run, record, axes, tmp_path, name):
    for net, losses in (("LeNet", (2.0, 0.75)), ("VGG", (0.5, 1.0))):
        for lr, loss in zip((0.1, 0.2), losses, strict=True):
            record({"lr": lr}, 0.5, net=net, **{name: loss})
    lines = run("--x", "lr", "--y", name).splitlines()
    assert lines[-2:] == [
        "o VGG  2 trials, lowest 0.5000 at lr=0.1",
        "x LeNet  2 trials, lowest 0.7500 at lr=0.2",
    ]
    run("--x", "lr", "--y", name, "-o", tmp_path / "s.png")
    legend = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert legend == ["VGG", "LeNet"]


def test_filters_select_trials(run, record, axes, tmp_path):
    record({"lr": 0.1, "batch": 8}, 0.5)
    record({"lr": 0.2, "batch": 16}, 0.6)
    run("--x", "lr", "--where", "batch=16", "-o", tmp_path / "s.png")
    assert points(axes[0]) == [(0.2, 0.6)]
    assert run("--x", "lr", "--where", "batch=4") == (
        "no recorded results match, so there is nothing to draw"
    )
    assert run("--x", "lr", "--net", "Nothing").startswith("no results of net 'Nothing'")


def test_trials_without_value_or_score_are_counted(db, run, record):
    record({"lr": 0.1}, 0.5)
    record({"lr": 0.2}, 0.6)
    record({"batch": 8}, 0.7)
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE stat SET validation = NULL WHERE validation = 0.6")
    lines = run("--x", "lr").splitlines()
    assert lines[-2:] == ["1 trial has no lr", "1 trial has no validation score"]
    assert "o LeNet  1 trial, highest 0.5000 at lr=0.1" in lines
    assert run("--x", "lr", "--y", "loss") == ("1 trial has no lr; 2 trials have no training loss")


def test_many_trials_nets_and_long_names_fit_the_width(run, record, tmp_path):
    for number in range(30):
        prm = {"lr": 0.01 * number, "transform": f"{number}{'x' * 60}"}
        record(prm, number / 30, net=f"Long{'er' * 40}{number % 12}")
    for x in ("lr", "transform"):
        lines = run("--x", x).splitlines()
        assert all(len(line) <= 80 for line in lines)
        assert ". 4 further nets" in lines
    assert "the 20 most frequent values; 10 others are not drawn" in lines
    run("--x", "transform", "-o", tmp_path / "s.png")
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")


def test_an_unknown_hyperparameter_is_an_error_of_one_line(run, record):
    record({"lr": 0.1}, 0.5)
    assert run("--x", "lrr") == "unknown column 'lrr'. Did you mean 'lr'?"
