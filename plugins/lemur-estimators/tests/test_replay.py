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
from lemur_core.store.database import open_engine
from lemur_core.store.importing.published import import_results
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
    """Stops each trial at its second score, which it also predicts."""

    def __init__(self, history, *, raises=False, interval=1.0):
        self.raises, self.interval, self.count = raises, interval, 0
        SEEN.append(history)

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


def replayed(trials=TRIALS, orders=1, alone=False, **options):
    return replay(maker(Second, Selection("second", options)), trials, orders, alone=alone)


def test_a_trial_ends_when_the_estimator_stops_it():
    for result in replayed():
        assert result.epochs == 2
        assert result.saved == 0.5
        assert result.predicted == result.trial.curve.scores[1]
        assert result.decisions == 2


def test_the_history_contains_earlier_trials_up_to_where_they_were_stopped():
    replayed()
    assert [len(history.curves) for history in SEEN] == list(range(10))
    last = SEEN[-1]
    assert all(curve.epochs == (1.0, 2.0) for curve in last.curves)
    assert all(curve.predicted == curve.scores[1] for curve in last.curves)
    assert last.epochs == 4


def test_the_history_contains_hyperparameters_of_all_trials():
    trials = [
        replace(trial, curve=replace(trial.curve, hyperparameters={"lr": float(trial.name)}))
        for trial in TRIALS
    ]
    replayed([trial.until(3.0) for trial in trials])
    prms = [history.hyperparameters for history in SEEN]
    assert sorted(prm["lr"] for prm in prms) == list(range(10))
    assert [curve.hyperparameters for curve in SEEN[-1].curves] == prms[:-1]


def test_alone_the_history_contains_no_trials():
    replayed(alone=True, orders=5)
    assert [history.curves for history in SEEN] == [()] * 10


def test_the_history_contains_no_trials_of_other_studies():
    replayed([*TRIALS, trial("x", 0.5, 0.6, study="other")])
    assert [len(history.curves) for history in SEEN] == [*range(10), 0]


def test_an_estimator_is_updated_at_its_interval():
    halves = [trial("a", *[0.1] * 8, every=0.5)]
    assert replayed(halves, interval="1")[0].epochs == 2
    assert replayed(halves, interval="0.5")[0].epochs == 1


def test_an_estimator_that_raises_is_warned_of_once_and_its_trials_continue():
    with pytest.warns(
        UserWarning, match="its trials continue without it: RuntimeError: no idea"
    ) as warned:
        results = replayed(raises="yes")
    assert len(warned) == 1
    assert not any(result.early for result in results)
    assert all(result.predicted == result.trial.curve.final for result in results)


def test_overlap_and_regret_are_those_computed_by_hand():
    predicted = np.array([0.9, 0.8, 0.1, 0.2, 0.3])
    true = np.array([0.7, 0.2, 0.9, 0.1, 0.3])
    # The true best two are 0.9 and 0.7; the predicted best two are 0.7 and 0.2.
    overlap, lost = best_kept(predicted, true, 0.4)
    assert overlap == 0.5
    assert lost == pytest.approx(0.8 - 0.45)
    assert regret(predicted, true) == pytest.approx(0.2)


def test_a_trial_as_good_as_the_last_of_the_best_is_one_of_them():
    assert best_kept(np.array([0.1, 0.9]), np.array([0.5, 0.5]), 0.5) == (1.0, 0.0)


def test_measures_are_those_computed_by_hand():
    measures = measure(replayed())
    assert measures.trials == 10
    assert measures.saved == 0.5
    assert measures.throughput == 2
    # Predictions are 0.2 to 0.29, final scores 0.9 to 0.45: the opposite order.
    assert measures.overlap[0] == 0
    assert measures.error == pytest.approx(np.mean([0.7 - 0.06 * i for i in range(10)]))
    assert measures.bias == pytest.approx(-measures.error)
    assert measures.covered == 0
    assert measures.regret == pytest.approx(0.45)


def test_an_estimator_that_stops_no_trial_saves_and_loses_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        measures = measure(replayed(raises="yes"))
    assert (measures.saved, measures.throughput, measures.overlap) == (0, 1, (1, 1, 1))
    assert math.isnan(measures.covered)


def test_trials_that_are_short_or_have_no_scores_are_left_out():
    trials = [*TRIALS, trial("short", 0.1), trial("lost", 0.1, math.nan, 0.1, 0.2)]
    assert complete(trials, 4, None) == (TRIALS, 2)
    cut, _ = complete(TRIALS, 2, 3)
    assert {trial.horizon for trial in cut} == {3.0}
    late = RecordedCurves("study", "late", Curve((10.0, 20.0), (0.1, 0.2), ()))
    assert complete([late], 2, 5) == ([], 1)
    assert complete([late], 2, 10)[0][0].horizon == 10
    rest = replace(late, curve=replace(late.curve, hyperparameters={"continues": "1f2e:9"}))
    assert complete([rest], 2, None) == ([], 1)


def test_lines_of_json_are_read_and_folders_searched(tmp_path):
    line = (
        '{"study":"digits","net":3,"of":200,"every":0.5,"chance":0.1,"right":[20,50],'
        '"train_loss":[2.3,null],"hyperparameters":{"lr":0.01,"batch":32}}'
    )
    (tmp_path / "curves.jsonl").write_text(line + "\n")
    [recorded] = of_files([tmp_path]).trials
    prm = {"lr": 0.01, "batch": 32}
    curve = Curve((0.5, 1.0), (0.1, 0.25), (2.3, None), hyperparameters=prm)
    assert recorded == RecordedCurves("digits", "3", curve, 0.1)


@pytest.mark.parametrize("losses", [None, "[2.3]", "[2.3,2.2,2.1]", '[2.3,"low"]', "2.3"])
def test_lines_that_cannot_be_used_are_refused(tmp_path, losses):
    file = tmp_path / "curves.jsonl"
    scores = '"every":0.5,"chance":0.1,"right":[20,50]'
    train_loss = "" if losses is None else f',"train_loss":{losses}'
    file.write_text(f'{{"study":"digits","net":3,"of":200,{scores}{train_loss}}}\n')
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


def test_published_results_are_replayed_from_a_database(tmp_path):
    (tmp_path / "1.json").write_text("[]")
    with pytest.raises(SettingsError, match=r"import them into a database with lemur db import"):
        of_files([tmp_path / "1.json"])


def test_the_command_prints_tables_and_draws_figures(tmp_path):
    for number in range(12):
        rows = [f"{i},{90 - (60 + number) * 0.7**i}" for i in range(1, 13)]
        (tmp_path / f"{number}.csv").write_text("\n".join(["epoch,val_accuracy", *rows]))
    result = CliRunner().invoke(
        cli,
        [
            *("estimate", "replay", str(tmp_path), "--least", "10", "--orders", "1"),
            *("--estimators", "patience:epochs=2,median", "--figures", str(tmp_path / "out")),
        ],
        catch_exceptions=False,
    )
    assert result.exit_code == 0, result.output
    assert result.output.startswith(
        "scores in CSV files: percent\ntrials: 12, studies: 1, too short or without score: 0\n"
    )
    assert "patience:epochs=2" in result.output
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert names >= {"epochs.png", "predictions.png", "best.png", "overlap.png"}
    assert names >= {"estimators.csv", "trials.csv"}


def test_a_replay_without_trials_says_what_to_lower(tmp_path):
    (tmp_path / "a.csv").write_text("epoch,accuracy\n1,0.1\n2,0.5\n")
    with pytest.raises(LemurError) as raised:
        CliRunner().invoke(cli, ["estimate", "replay", str(tmp_path)], catch_exceptions=False)
    assert str(raised.value) == (
        "no trial was trained for 20 epochs with scores from 0 to 1; use a lower --least"
    )


def test_filters_of_a_database_are_refused_with_files(tmp_path):
    command = ["estimate", "replay", str(tmp_path), "--net", "A", "--task", "b"]
    with pytest.raises(SettingsError) as raised:
        CliRunner().invoke(cli, command, catch_exceptions=False)
    assert str(raised.value) == (
        "--task, --net: selects trials of a database, but FILES are given, all of whose trials are "
        "replayed"
    )


@pytest.fixture
def database(tmp_path):
    """A database of two trials of three epochs, and a function that executes SQL in it."""
    folder = tmp_path / "stat" / "img-classification_digits_acc_Small"
    folder.mkdir(parents=True)
    for epoch in (1, 2, 3):
        trials = [
            {"accuracy": epoch / 8 + lr, "lr": lr, "batch": 8, "transform": "norm_32"}
            for lr in (0.5, 0.25)
        ]
        (folder / f"{epoch}.json").write_text(json.dumps(trials))
    file = tmp_path / "some.db"
    with open_engine(file, create=True) as engine:
        import_results(engine, tmp_path / "stat")

    def execute(statement):
        with open_engine(file) as engine, engine.begin() as connection:
            connection.exec_driver_sql(statement)

    return file, execute


def test_trials_of_a_database_that_were_stopped_early_are_left_out(database):
    file, execute = database
    assert len(list(of_database(file))) == 2
    execute("update trial set state='converged' where id=(select min(id) from trial)")
    [trial] = of_database(file, 0.1)
    assert (trial.study, trial.chance) == ("img-classification_digits_acc", 0.1)
    assert trial.curve.scores in ((0.375, 0.5, 0.625), (0.625, 0.75, 0.875))
    assert {"lr", "batch", "transform"} <= set(trial.curve.hyperparameters)


def test_scores_of_a_database_within_epochs_are_replayed(database):
    file, execute = database
    execute("update stat set validation=accuracy / 2, loss=epoch")
    execute("update stat set within='[[1.5, 0.25]]' where epoch=2")
    for trial in of_database(file):
        assert trial.curve.epochs == (1, 1.5, 2, 3)
        assert trial.curve.losses == (1, None, 2, 3)
        first, within, *_ = trial.curve.scores
        assert first in (0.1875, 0.3125)
        assert within == 0.25


def test_trials_of_a_database_on_other_data_are_another_study(database):
    file, execute = database
    execute("insert into dataset values (1, '1f2e3d4c', 'pets', '[]', '{}')")
    execute("update trial set dataset_id=1 where id=(select min(id) from trial)")
    assert {trial.study for trial in of_database(file)} == {
        "img-classification_digits_acc",
        "img-classification_digits_acc on pets@1f2e3d4c",
    }
