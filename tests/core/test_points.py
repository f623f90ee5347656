"""Points of hyperparameters, each trained once by each pipeline."""

import json
import socket
import sqlite3
from functools import partial

import psutil
import pytest

import lemur_core
from lemur_core import data
from lemur_core.errors import SettingsError, SpaceError
from lemur_core.events import EpochEnded, StudyStarted, TrialsHeld, TrialStarted, Warned
from lemur_core.initial_weights import InitialWeights
from lemur_core.points import Point, read_points
from lemur_core.search.points import Points
from lemur_core.settings import Settings
from lemur_core.space import Choice, Interval
from lemur_core.store.identity import prm_uid
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import State

LINEAR = "img-classification_blobs_hits_Linear"
run = partial(lemur_core.run, LINEAR, in_process=True, threads=1, epochs=1)
# All hyperparameters of Linear, except those with a single value.
POINT = {"lr": 0.01, "batch": 16, "momentum": 0.5, "width": 2, "transform": "plain"}
SPACE = {
    "batch": Choice((16, 32)),
    "lr": Interval(1e-3, 1.0, log=True),
    "layers": Interval(1, 4, integer=True),
    "act": Choice(("relu", "gelu")),
    "scheduler": Choice(("constant",)),
}


@pytest.fixture
def db(tmp_path):
    return str(tmp_path / "results.db")


def points(*lrs):
    return [POINT | {"lr": lr} for lr in lrs]


def lrs(db):
    return [prm["lr"] for prm in data(db=db)["prm"]]


def complete(*prms, space=SPACE):
    return Points(read_points(prms), space, "Net", InitialWeights())


def test_a_point_is_trained_once_and_repeating_the_command_trains_nothing(db):
    summary = run(points=points(0.01, 0.02), db=db)
    assert summary.states == {State.FINISHED: 2}
    assert lrs(db) == [0.01, 0.02]
    seen = []
    assert not run(points=points(0.01, 0.02), db=db, watch=seen.append).states
    [study] = [event for event in seen if isinstance(event, StudyStarted)]
    assert (study.done, study.trials, study.others) == (2, 0, 0)
    assert run(points=points(0.03, 0.02), db=db).states == {State.FINISHED: 1}
    assert lrs(db) == [0.01, 0.02, 0.03]


def test_a_point_that_a_search_has_trained_is_not_trained_again(db):
    fixed = {name: value for name, value in POINT.items() if name not in ("lr", "width")}
    run(lr=0.01, prm={"width": 2} | fixed, trials=1, db=db)
    assert not run(points=points(0.01), db=db).states


def test_the_results_of_a_point_do_not_depend_on_earlier_trials(tmp_path):
    first_db, second_db = str(tmp_path / "1.db"), str(tmp_path / "2.db")
    run(points=points(0.01, 0.02), db=first_db)
    run(points=points(0.02, 0.01), db=second_db)
    losses = [
        {prm["lr"]: loss for prm, loss in zip(frame["prm"], frame["loss"], strict=True)}
        for frame in (data(db=first_db), data(db=second_db))
    ]
    assert losses[0] == losses[1]


def test_an_interrupted_campaign_continues_with_its_points(db):
    def interrupt(event):
        if isinstance(event, EpochEnded) and event.trial.number == 2:
            raise KeyboardInterrupt

    settings = {"points": points(0.01, 0.02, 0.03), "epochs": 2, "db": db}
    run(**settings, watch=interrupt)
    events = []
    run(
        **settings,
        watch=lambda event: events.append(event),
    )
    trials = [event.trial for event in events if isinstance(event, TrialStarted)]
    assert [(trial.prm["lr"], len(trial.done)) for trial in trials] == [
        (0.02, 1),
        (0.03, 0),
    ]
    assert lrs(db) == [0.01, 0.01, 0.02, 0.02, 0.03, 0.03]


def test_a_point_whose_checkpoint_was_lost_is_restarted(db):
    def interrupt(event):
        if isinstance(event, EpochEnded):
            raise KeyboardInterrupt

    settings = {"points": points(0.01), "epochs": 2, "checkpoint": False, "db": db}
    run(**settings, watch=interrupt)
    assert run(**settings).states == {State.FINISHED: 1}
    assert sorted(data(db=db)["state"]) == ["abandoned", "finished", "finished"]


def test_a_point_that_fails_is_tried_again_by_the_next_campaign_only(db):
    settings = {"points": [{**POINT, "lr": 1e30}, POINT], "lr": "1e-3..1e30", "db": db, "epochs": 2}
    assert run(**settings).states == {State.FAILED: 1, State.FINISHED: 1}
    assert run(**settings).states == {State.FAILED: 1}


def test_a_pruner_stops_points_and_they_count_as_done(db):
    # The median pruner prunes nothing before its fifth trial.
    settings = {"points": points(*[0.01 + 0.01 * i for i in range(5)], 1e-6), "lr": "1e-6..1"}
    summary = run(**settings, epochs=3, pruner="Median", db=db)
    assert summary.states == {State.FINISHED: 5, State.PRUNED: 1}
    assert not run(**settings, epochs=3, db=db).states


def until_held(event):
    """Watch a campaign, and interrupt it when it only waits for another one."""
    if isinstance(event, TrialsHeld):
        raise KeyboardInterrupt


def _begin_elsewhere(db, prm):
    """Write a trial as a live campaign in another process would."""
    owner = f"{socket.gethostname()} 1 {psutil.Process(1).create_time():.0f}"
    with sqlite3.connect(db) as connection:
        connection.execute(
            "insert into trial (uid, task, dataset, metric, nn, number, dataset_id, nn_id, prm, "
            "epochs, seed, state, reason, traceback, versions, owner, seen) "
            "select 'other', task, dataset, metric, nn, number + 1, dataset_id, nn_id, ?, epochs, "
            "0, 'running', '', '', versions, ?, seen from trial order by number desc limit 1",
            (prm_uid(prm), owner),
        )
        connection.executemany(
            "insert into prm values (?, ?, ?)",
            [(prm_uid(prm), name, json.dumps(value)) for name, value in prm.items()],
        )


@pytest.mark.parametrize("moment", ["next_number", "past"])
def test_a_point_that_another_campaign_starts_meanwhile_is_not_trained(db, monkeypatch, moment):
    run(points=points(0.01), db=db)
    [first_prm] = data(db=db)["prm"]
    before, started = getattr(Writer, moment), []

    def then_begins_another(self, *arguments, **options):
        trials_before = before(self, *arguments, **options)
        if not started:
            started.append(True)
            _begin_elsewhere(db, first_prm | {"lr": 0.02})
        return trials_before

    monkeypatch.setattr(Writer, moment, then_begins_another)
    summary = run(points=points(0.01, 0.02, 0.03), db=db, watch=until_held)
    assert summary.states == {State.FINISHED: 1}
    assert lrs(db) == [0.01, 0.03]


def test_repeated_points_are_trained_once_and_reported(db):
    seen = []
    summary = run(points=[POINT, POINT | {"width": 2.0}], db=db, watch=seen.append)
    assert summary.states == {State.FINISHED: 1}
    [warning] = [event.message for event in seen if isinstance(event, Warned)]
    assert warning == "point 2: the same as an earlier point; each is trained once"


def test_hyperparameters_with_one_value_may_be_omitted_and_values_get_the_type_of_their_range():
    arguments = {"batch": "16", "lr": 1, "layers": 2.0, "act": "gelu", "gamma": "0.5"}
    schedule = SPACE | {"act": Choice(("gelu",))}
    for prm in (arguments, {name: value for name, value in arguments.items() if name != "act"}):
        [completed] = [complete(prm, space=schedule).first_without(())]
        assert completed.prm == {
            "batch": 16, "lr": 1.0, "layers": 2, "act": "gelu", "scheduler": "constant",
            "gamma": 0.5,
        }  # fmt: skip
        assert {name: type(value) for name, value in completed.prm.items() if name != "act"} == {
            "batch": int, "lr": float, "layers": int, "scheduler": str, "gamma": float,
        }  # fmt: skip


OUTSIDE = "point 2: {} is not in the range of net 'Net', {}; {}RANGE replaces it"
GOOD = {"batch": 16, "lr": 0.1, "layers": 2, "act": "relu"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"lr": 2},
            OUTSIDE.format("lr=2", "0.001..1 log", "--lr "),
        ),
        (
            {"act": "rulu"},
            OUTSIDE.format("act=rulu", "relu,gelu", "--set act="),
        ),
        (
            {"layers": 1.5},
            OUTSIDE.format("layers=1.5", "1..4 int", "--set layers="),
        ),
        (
            {"lr": float("nan")},
            OUTSIDE.format("lr=nan", "0.001..1 log", "--lr "),
        ),
        (
            {"lr": [0.1, 0.2]},
            OUTSIDE.format("lr=[0.1, 0.2]", "0.001..1 log", "--lr "),
        ),
        (
            {"lr": "0,1"},
            OUTSIDE.format("lr=0,1", "0.001..1 log", "--lr "),
        ),
        (
            {"precision": "fp16"},
            "point 2: precision=fp16 is not in the range of net 'Net', fp32,bf16",
        ),
        ({"layer": 1}, "point 2: net 'Net' has no hyperparameter 'layer'. Did you mean 'layers'?"),
        (
            {"lr": None},
            OUTSIDE.format("lr=None", "0.001..1 log", "--lr "),
        ),
    ],
)
def test_a_point_that_does_not_fit_the_net_is_reported_in_one_line(change, message):
    with pytest.raises(SpaceError) as caught:
        complete(GOOD, GOOD | change)
    assert str(caught.value) == message


def test_a_point_that_lacks_a_hyperparameter_says_which(db):
    with pytest.raises(SpaceError) as caught:
        complete({"batch": 16, "lr": 0.1, "act": "relu"})
    assert str(caught.value) == (
        "point 1 lacks layers of net 'Net'; give a value in the point, or one for all points, "
        "as in --set layers=VALUE"
    )
    with pytest.raises(SpaceError, match="^point 1 lacks transform of net 'Linear'"):
        run(points=[{name: value for name, value in POINT.items() if name != "transform"}], db=db)


def test_the_users_range_replaces_the_nets(db):
    assert run(points=points(3), lr="0.1..10", db=db).states == {State.FINISHED: 1}
    assert lrs(db) == [3.0]


def test_files_hold_points(tmp_path):
    lines, table = tmp_path / "some.jsonl", tmp_path / "some.csv"
    lines.write_text('{"lr": 0.1, "act": "relu"}\n\n{"lr": 1}\n')
    assert read_points(str(lines)) == (
        Point("some.jsonl line 1", {"lr": 0.1, "act": "relu"}),
        Point("some.jsonl line 3", {"lr": 1}),
    )
    table.write_text('\ufefflr, act\n0.1,"re,lu"\n\n1,\n', encoding="utf-8")
    assert read_points(table) == (
        Point("some.csv line 2", {"lr": "0.1", "act": "re,lu"}),
        Point("some.csv line 4", {"lr": "1"}),
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.jsonl", "", "points: 'a.jsonl' has none; expected one or more"),
        ("a.csv", "lr\n", "points: 'a.csv' has none; expected one or more"),
        ("a.jsonl", "[1]\n", "a.jsonl line 1 is [1]; expected names and values"),
        ("a.jsonl", '{"lr": 1}\n{"lr"\n', "a.jsonl line 2 is not JSON: Expecting ':' delimiter: "),
        ("a.jsonl", '{"lr": 1, "lr": 2}\n', "a.jsonl line 1 has 'lr' twice; expected it once"),
        ("a.jsonl", "[" * 100_000, "a.jsonl line 1 is not JSON: maximum recursion depth exceeded"),
        ("a.csv", "lr,act\n1\n", "a.csv line 2 has 1 cells; expected 2, as in line 1"),
        (
            "a.csv",
            "lr,lr\n1,2\n",
            "a.csv line 1 has 'lr' twice; expected a hyperparameter in each column",
        ),
        (
            "a.csv",
            "lr,\n1,2\n",
            "a.csv line 1 has no name for a column; expected a hyperparameter in each column",
        ),
        (
            "a.txt",
            "",
            "points 'a.txt': expected FILE.jsonl, an object on each line, or FILE.csv, a "
            "hyperparameter in each column",
        ),
        ("gone.csv", None, "points 'gone.csv': No such file or directory"),
    ],
)
def test_a_file_without_points_is_reported_in_one_line(tmp_path, monkeypatch, name, text, message):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_points(name)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("setting", ["trials", "sampler"])
def test_points_are_not_searched(setting):
    with pytest.raises(SettingsError) as caught:
        Settings.of({"points": [{"lr": 1}], setting: {"trials": 3, "sampler": "TPE"}[setting]})
    assert str(caught.value) == (
        f"points and {setting} exclude each other: each point is trained once, and nothing is "
        "searched"
    )


@pytest.mark.parametrize("arguments", [{"lr": 1}, 3])
def test_points_are_a_list(arguments):
    with pytest.raises(SettingsError, match="^points is .*; expected a list of mappings, or FILE"):
        Settings.of({"points": arguments})


def test_a_point_names_its_seed(db):
    first, second = points(0.01, 0.02)
    run(points=[first | {"seed": 7}, second], db=db)
    own = data(with_stats=True, db=db)
    assert own["seed"].iloc[0] == 7
    assert own["seed"].iloc[1] not in (0, 7)
    # The seed is no hyperparameter, and both nets of a command have it.
    assert "seed" not in own["prm"].iloc[0]
    again = run(points=[first | {"seed": "7"}, second], db=db)
    assert not again.states


def test_equal_hyperparameters_with_several_seeds_are_several_points(db):
    [point] = points(0.01)
    given = [point | {"seed": seed} for seed in (1, 2, 2, 3)]
    summary = run(points=given, db=db)
    assert summary.states == {State.FINISHED: 3}
    rows = data(with_stats=True, db=db)
    assert [*rows["seed"]] == [1, 2, 3]
    assert rows["loss"].nunique() == 3
    # A trial with another seed, or with a derived one, is another point.
    assert run(points=[point | {"seed": 4}], db=db).states == {State.FINISHED: 1}
    assert not run(points=[point | {"seed": 2}], db=db).states
    assert not run(points=[point], db=db).states


def test_trials_with_a_derived_seed_are_not_those_of_a_point_with_a_seed(db):
    [point] = points(0.01)
    run(points=[point], db=db)
    assert run(points=[point | {"seed": 5}], db=db).states == {State.FINISHED: 1}


@pytest.mark.parametrize("seed", [-1, 1.5, True, "x", "", 2**63, "1_0", None])
def test_a_seed_that_is_no_whole_number_is_refused(seed):
    with pytest.raises(SpaceError, match=r"point 1: seed is .*; expected a whole number from 0"):
        complete({"batch": 16, "lr": 0.1, "layers": 1, "act": "relu", "seed": seed})


def test_a_hyperparameter_called_seed_is_the_nets_own():
    space = SPACE | {"seed": Choice((1, 2))}
    point = {"batch": 16, "lr": 0.1, "layers": 1, "act": "relu", "seed": 2}
    [own] = [complete(point, space=space).first_without(())]
    assert (own.prm["seed"], own.seed) == (2, None)


def test_points_with_seeds_exclude_further_seeds(db):
    [point] = points(0.01)
    with pytest.raises(SettingsError, match="points name their seeds, and each is to be trained"):
        run(points=[point | {"seed": 1}], seeds=3, db=db)
