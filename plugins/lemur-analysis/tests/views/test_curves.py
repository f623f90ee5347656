"""``lemur show curves`` draws the recorded numbers of the trials that it is given."""

import re
import sqlite3
from contextlib import closing

import pytest
from matplotlib import pyplot as plt

import lemur_core
from lemur_analysis.cli.curves import curves
from lemur_analysis.plot import files
from lemur_core.errors import RecordingError

VIEW = curves
PIPELINE = "img-classification_mine_acc_{}"


@pytest.fixture
def record(db):
    def call(net, scores, *, loss=True, facts=(), pipeline=PIPELINE):
        with lemur_core.recording(
            pipeline.format(net), {"lr": 0.1}, db=db, seed=len(scores)
        ) as trial:
            for number, score in enumerate(scores, 1):
                more = {"loss": 1 / number, "validation_loss": 2 / number} if loss else {}
                trial.epoch(validation=score, accuracy=score / 2, **more)
        for name, values in dict(facts).items():
            for number, value in enumerate(values, 1):
                lemur_core.record(trial.uid, {name: value}, number, db=db)
        return trial.uid

    return call


@pytest.fixture
def drawn(monkeypatch):
    """Return the lines in each panel of the picture that is written last, by label of the axis."""
    panels = {}

    def save(figure, path, **_):
        panels.clear()
        for ax in figure.axes:
            panels[ax.get_ylabel()] = [
                list(zip(*line.get_data(), strict=True)) for line in ax.lines
            ]

    monkeypatch.setattr(files, "save", save)
    return panels


def test_a_trial_has_its_scores_in_a_chart_and_its_loss_in_another(run, record):
    uid = record("LeNet", [0.5, 0.7, 0.6])
    lines = run(uid).splitlines()
    titles = [line for line in lines if "LeNet" in line]
    assert titles == [f"{what}, {uid[:8]} {PIPELINE.format('LeNet')}" for what in ("score", "loss")]
    assert "o validation  last 0.6000 at epoch 3" in lines
    assert "x test  last 0.3000 at epoch 3" in lines
    assert "o training  last 0.3333 at epoch 3" in lines
    assert "x validation  last 0.6667 at epoch 3" in lines
    assert all(len(line) <= 80 for line in lines)
    assert "\x1b" not in "".join(lines)


def test_pictures_have_the_recorded_numbers(run, record, drawn, tmp_path):
    uid = record("LeNet", [0.5, 0.7, 0.6])
    assert run(uid, "-o", tmp_path / "c.png") == f"wrote {tmp_path}/c.png\n"
    assert drawn == {
        # The first line is drawn last.
        "score": [[(1, 0.25), (2, 0.35), (3, 0.3)], [(1, 0.5), (2, 0.7), (3, 0.6)]],
        "loss": [[(1, 2.0), (2, 1.0), (3, 2 / 3)], [(1, 1.0), (2, 1 / 2), (3, 1 / 3)]],
    }
    assert not plt.get_fignums()


def test_several_trials_share_a_chart_for_each_column(run, record, drawn, tmp_path):
    record("LeNet", [0.5], loss=False)
    record("VGG", [0.4, 0.9], loss=False)
    text = run("img-classification_mine_*")
    assert re.findall(r"^(.*), img-classification_mine_acc$", text, re.M) == [
        "validation score",
        "test score",
    ]
    assert "VGG  last 0.9000 at epoch 2" in text
    assert "LeNet  last 0.5000 at epoch 1" in text
    run("img-classification_mine_*", "-o", tmp_path / "c.svg", "--y", "validation")
    # The value of a single epoch has a marker of its own.
    assert drawn["validation score"][-1] == [(1, 0.4), (2, 0.9)]
    assert [(1, 0.5)] in drawn["validation score"]


def test_a_pipeline_is_its_best_trial_unless_all_are_asked_for(run, record):
    best, other = record("LeNet", [0.5, 0.9]), record("LeNet", [0.4])
    assert other[:8] not in run(PIPELINE.format("LeNet"))
    both = run(PIPELINE.format("LeNet"), "--all")
    assert best[:8] in both
    assert other[:8] in both


def test_other_datasets_have_charts_of_their_own(run, record):
    record("LeNet", [0.5])
    record("LeNet", [0.6], pipeline="img-classification_yours_acc_{}")
    text = run("img-classification", "--y", "validation")
    assert text.count("validation score, ") == 2


def test_any_column_or_fact_of_numbers_can_be_drawn(run, record, drawn, tmp_path):
    uid = record("LeNet", [0.5, 0.7], facts={"energy.joules": [3.5, 2.5]})
    run(uid, "--y", "energy.joules,test", "-o", tmp_path / "c.png")
    assert drawn == {
        "energy.joules": [[(1, 3.5), (2, 2.5)]],
        "test score": [[(1, 0.25), (2, 0.35)]],
    }
    assert run(uid, "--y", "nn") == "column 'nn' holds 'LeNet'; expected numbers"
    assert run(uid, "--y", "energie").startswith("unknown column 'energie'")


def test_a_logarithmic_axis_is_called_so(run, record):
    uid = record("LeNet", [0.5, 0.7], facts={"watts": [0.004, 0.5], "joules": [0.0, 0.5]})
    text = run(uid, "--y", "watts,joules")
    trial = f"{uid[:8]} {PIPELINE.format('LeNet')}"
    assert [line for line in text.splitlines() if trial in line] == [
        f"watts (logarithmic), {trial}",
        f"joules, {trial}",
    ]


def test_missing_values_are_counted_and_leave_a_gap(db, run, record, drawn, tmp_path):
    uid = record("LeNet", [0.5, 0.6, 0.7])
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE stat SET validation = NULL WHERE epoch = 2")
    assert "o validation score  last 0.7000 at epoch 3, 1 without a value" in run(
        uid, "--y", "validation"
    )
    run(uid, "--y", "validation", "-o", tmp_path / "c.png")
    [[first, middle, last]] = drawn["validation score"]
    assert (first, last) == ((1, 0.5), (3, 0.7))
    assert middle[1] != middle[1]


def test_a_column_without_values_is_an_error_of_one_line(run, record):
    record("LeNet", [0.5], loss=False)
    assert run("last", "--y", "loss") == "1 trial has no training loss"


def test_trials_without_epochs_are_named(db, run, record):
    with (
        pytest.raises(RecordingError),
        lemur_core.recording(PIPELINE.format("VGG"), {}, db=db) as failed,
    ):
        failed.epoch(validation=0.5, accuracy=0.5, loss=float("nan"))
    line = f"1 trial has no epoch: {failed.uid[:8]} (lemur show trial ID says why)"
    assert run("last") == line
    done = record("LeNet", [0.5])
    text = run(done, failed.uid)
    assert f"{line}\n" in text
    assert "validation  last 0.5000 at epoch 1" in text


def test_many_trials_of_long_names_stay_readable(run, record, tmp_path):
    for number in range(30):
        record("Long" * 30, [0.5, number / 30], loss=False)
    lines = run("*", "--all", "--y", "validation").splitlines()
    assert lines[-1] == ("the best 8 of 30 trials by validation score; --output FILE.png draws all")
    assert all(len(line) <= 80 for line in lines)
    assert sum(line[0] in "ox+*#@%&" for line in lines if line) == 8
    assert "last 0.9667 at epoch 2" in lines[-9]
    run("*", "--all", "-o", tmp_path / "c.pdf")
    assert (tmp_path / "c.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("output", ["c.gif", "c"])
def test_other_formats_of_pictures_are_refused(run, output):
    assert run("last", "-o", output) == f"{output}: expected a name that ends in .png, .svg, .pdf"
    assert run("last", "-o", "no/c.png") == "no/c.png: there is no directory no"
