import json
import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from lemur_core.cli import cli
from lemur_core.errors import LemurError, SettingsError
from lemur_core.kinds.estimator import Curve, Estimate, maker
from lemur_core.options import Selection
from lemur_core.store.database import opened
from lemur_core.store.taking.published import take_in
from lemur_estimators.replay.judge import replay
from lemur_estimators.replay.measures import best_kept, measure, regret
from lemur_estimators.replay.recorded import (
    RecordedCurves,
    complete,
    of_database,
    of_files,
    of_lines,
)


class Second:
    """Ends each trial at its second score, and believes in the score it had."""

    def __init__(self, known, *, raises=False, interval=1.0):
        self.known, self.raises, self.interval, self.count = known, raises, interval, 0
        SEEN.append((known, self))

    def update(self, epoch, score, loss):
        self.count += 1
        if self.raises:
            raise RuntimeError("no idea")
        return Estimate(self.count == 2, score, score, score)


SEEN = []


@pytest.fixture(autouse=True)
def nothing_seen():
    SEEN.clear()


def trial(name, *scores, study="one", every=1.0):
    epochs = tuple((i + 1) * every for i in range(len(scores)))
    return RecordedCurves(study, name, Curve(epochs, scores))


TRIALS = [trial(f"{i}", 0.1, 0.2 + i / 100, 0.3, 0.9 - i / 20) for i in range(10)]


def judged(trials=TRIALS, orders=1, alone=False, **options):
    return replay(maker(Second, Selection("second", options)), trials, orders, alone=alone)


def test_a_trial_ends_where_the_estimator_ends_it():
    for verdict in judged():
        assert verdict.epochs == 2
        assert verdict.saved == 0.5
        assert verdict.predicted == verdict.trial.curve.scores[1]
        assert verdict.decisions == 2


def test_a_trial_knows_those_before_it_as_far_as_they_went():
    judged()
    assert [len(known.curves) for known, _ in SEEN] == list(range(10))
    last = SEEN[-1][0]
    assert all(curve.epochs == (1.0, 2.0) for curve in last.curves)
    assert all(curve.predicted == curve.scores[1] for curve in last.curves)
    assert last.epochs == 4


def test_a_trial_knows_its_hyperparameters_and_those_of_the_ones_before_it():
    told = [
        replace(one, curve=replace(one.curve, hyperparameters={"lr": float(one.name)}))
        for one in TRIALS
    ]
    judged([one.until(3.0) for one in told])
    own = [known.hyperparameters for known, _ in SEEN]
    assert sorted(one["lr"] for one in own) == list(range(10))
    assert [curve.hyperparameters for curve in SEEN[-1][0].curves] == own[:-1]


def test_alone_a_trial_knows_of_none():
    judged(alone=True, orders=5)
    assert [known.curves for known, _ in SEEN] == [()] * 10


def test_studies_do_not_see_each_other():
    judged([*TRIALS, trial("x", 0.5, 0.6, study="other")])
    assert [len(known.curves) for known, _ in SEEN] == [*range(10), 0]


def test_an_estimator_is_told_as_often_as_it_asks():
    halves = [trial("a", *[0.1] * 8, every=0.5)]
    assert judged(halves, interval="1")[0].epochs == 2
    assert judged(halves, interval="0.5")[0].epochs == 1


def test_an_estimator_that_raises_is_said_once_and_its_trials_go_on():
    with pytest.warns(
        UserWarning, match="its trials go on without it: RuntimeError: no idea"
    ) as said:
        verdicts = judged(raises="yes")
    assert len(said) == 1
    assert all(not one.early and one.predicted == one.trial.curve.final for one in verdicts)


def test_what_is_kept_of_the_best_is_counted_by_hand():
    predicted = np.array([0.9, 0.8, 0.1, 0.2, 0.3])
    true = np.array([0.7, 0.2, 0.9, 0.1, 0.3])
    # The best two are truly 0.9 and 0.7; taken are 0.7 and 0.2.
    overlap, lost = best_kept(predicted, true, 0.4)
    assert overlap == 0.5
    assert lost == pytest.approx(0.8 - 0.45)
    assert regret(predicted, true) == pytest.approx(0.2)


def test_a_trial_as_good_as_the_last_of_the_best_is_one_of_them():
    assert best_kept(np.array([0.1, 0.9]), np.array([0.5, 0.5]), 0.5) == (1.0, 0.0)


def test_measures_are_what_the_verdicts_say():
    found = measure(judged())
    assert found.trials == 10
    assert found.saved == 0.5
    assert found.throughput == 2
    # Predicted are 0.2 to 0.29, of what comes to 0.9 to 0.45: the other way round.
    assert found.overlap[0] == 0
    assert found.error == pytest.approx(np.mean([0.7 - 0.06 * i for i in range(10)]))
    assert found.bias == pytest.approx(-found.error)
    assert found.covered == 0
    assert found.regret == pytest.approx(0.45)


def test_what_ends_nothing_saves_nothing_and_keeps_all():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = measure(judged(raises="yes"))
    assert (found.saved, found.throughput, found.overlap) == (0, 1, (1, 1, 1))
    assert math.isnan(found.covered)


def test_trials_that_are_short_or_have_no_scores_are_left_out():
    trials = [*TRIALS, trial("short", 0.1), trial("lost", 0.1, math.nan, 0.1, 0.2)]
    kept, left = complete(trials, 4, None)
    assert (kept, left) == (TRIALS, 2)
    cut, _ = complete(TRIALS, 2, 3)
    assert {one.horizon for one in cut} == {3.0}


def test_lines_of_json_are_read_and_folders_searched(tmp_path):
    line = (
        '{"study":"digits","net":3,"of":200,"every":0.5,"chance":0.1,"right":[20,50],'
        '"train_loss":[2.3,null],"hyperparameters":{"lr":0.01,"batch":32}}'
    )
    (tmp_path / "curves.jsonl").write_text(line + "\n")
    [found] = of_files([tmp_path]).trials
    prm = {"lr": 0.01, "batch": 32}
    curve = Curve((0.5, 1.0), (0.1, 0.25), (2.3, None), hyperparameters=prm)
    assert found == RecordedCurves("digits", "3", curve, 0.1)


@pytest.mark.parametrize("losses", [None, "[2.3]", "[2.3,2.2,2.1]", '[2.3,"low"]', "2.3"])
def test_lines_that_cannot_be_used_are_said(tmp_path, losses):
    file = tmp_path / "curves.jsonl"
    told = '"every":0.5,"chance":0.1,"right":[20,50]'
    rest = "" if losses is None else f',"train_loss":{losses}'
    file.write_text(f'{{"study":"digits","net":3,"of":200,{told}{rest}}}\n')
    with pytest.raises(SettingsError, match="not lines of JSON with learning curves"):
        list(of_lines(file))


def test_more_right_answers_than_there_are_samples_are_refused(tmp_path):
    file = tmp_path / "curves.jsonl"
    file.write_text(
        '{"study":"digits","net":3,"of":200,"every":1,"chance":0.1,"right":[20,250],'
        '"train_loss":[2.3,2.2]}\n'
    )
    with pytest.raises(SettingsError, match="not lines of JSON with learning curves"):
        list(of_lines(file))


def test_what_lemur_published_is_replayed_from_a_database(tmp_path):
    (tmp_path / "1.json").write_text("[]")
    with pytest.raises(SettingsError, match=r"is replayed from a database into which lemur db"):
        of_files([tmp_path / "1.json"])


def test_the_command_prints_tables_and_draws_figures(tmp_path):
    for number in range(12):
        rows = [f"{i},{90 - (60 + number) * 0.7**i}" for i in range(1, 13)]
        (tmp_path / f"{number}.csv").write_text("\n".join(["epoch,val_accuracy", *rows]))
    told = CliRunner().invoke(
        cli,
        [
            *("estimate", "replay", str(tmp_path), "--least", "10", "--orders", "1"),
            *("--estimators", "patience:epochs=2,median", "--figures", str(tmp_path / "out")),
        ],
        catch_exceptions=False,
    )
    assert told.exit_code == 0, told.output
    assert told.output.startswith(
        "scores in CSV files: percent\ntrials: 12, studies: 1, too short or without score: 0\n"
    )
    assert "patience:epochs=2" in told.output
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert names >= {"epochs.png", "predictions.png", "best.png", "overlap.png"}
    assert names >= {"estimators.csv", "trials.csv"}


def test_a_replay_without_trials_says_what_to_lower(tmp_path):
    (tmp_path / "a.csv").write_text("epoch,accuracy\n1,0.1\n2,0.5\n")
    with pytest.raises(LemurError) as raised:
        CliRunner().invoke(cli, ["estimate", "replay", str(tmp_path)], catch_exceptions=False)
    assert str(raised.value) == (
        "no trial was trained for 20 epochs with scores from 0 to 1; "
        "--least lowers what is asked for"
    )


def test_filters_of_a_database_are_refused_beside_files(tmp_path):
    asked = ["estimate", "replay", str(tmp_path), "--net", "A", "--task", "b"]
    with pytest.raises(SettingsError) as raised:
        CliRunner().invoke(cli, asked, catch_exceptions=False)
    assert str(raised.value) == (
        "--task, --net: of files all trials are replayed; give no FILES to choose from a database"
    )


@pytest.fixture
def database(tmp_path):
    """Two trials of three epochs, and a way to say more of them."""
    folder = tmp_path / "stat" / "img-classification_digits_acc_Small"
    folder.mkdir(parents=True)
    for epoch in (1, 2, 3):
        trials = [
            {"accuracy": epoch / 8 + lr, "lr": lr, "batch": 8, "transform": "norm_32"}
            for lr in (0.5, 0.25)
        ]
        (folder / f"{epoch}.json").write_text(json.dumps(trials))
    file = tmp_path / "some.db"
    with opened(file, create=True) as engine:
        take_in(engine, tmp_path / "stat")

    def say(statement):
        with opened(file) as engine, engine.begin() as connection:
            connection.exec_driver_sql(statement)

    return file, say


def test_of_a_database_trials_that_were_ended_early_are_left_out(database):
    file, say = database
    assert len(list(of_database(file))) == 2
    say("update trial set state='converged' where id=(select min(id) from trial)")
    [left] = of_database(file, 0.1)
    assert (left.study, left.chance) == ("img-classification_digits_acc", 0.1)
    assert left.curve.scores in ((0.375, 0.5, 0.625), (0.625, 0.75, 0.875))
    assert {"lr", "batch", "transform"} <= set(left.curve.hyperparameters)


def test_of_a_database_scores_within_epochs_are_replayed(database):
    file, say = database
    say("update stat set validation=accuracy / 2, loss=epoch")
    say("update stat set within='[[1.5, 0.25]]' where epoch=2")
    for trial in of_database(file):
        assert trial.curve.epochs == (1, 1.5, 2, 3)
        assert trial.curve.losses == (1, None, 2, 3)
        first, within, *_ = trial.curve.scores
        assert first in (0.1875, 0.3125)
        assert within == 0.25


def test_of_a_database_trials_on_other_data_are_another_study(database):
    file, say = database
    say("insert into dataset values (1, '1f2e3d4c', 'pets', '[]', '{}')")
    say("update trial set dataset_id=1 where id=(select min(id) from trial)")
    assert {trial.study for trial in of_database(file)} == {
        "img-classification_digits_acc",
        "img-classification_digits_acc on pets@1f2e3d4c",
    }
