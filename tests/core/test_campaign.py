from collections import Counter
from functools import partial

import pytest

import lemur_core
from lemur_core import data, hookimpl
from lemur_core.campaign.run import campaign
from lemur_core.errors import LemurError, MisfitError, MissingDataError, SettingsError, SpaceError
from lemur_core.events import (
    EpochEnded,
    StudyStarted,
    TrialFinished,
    TrialStarted,
    Warned,
)
from lemur_core.settings import Settings
from lemur_core.trial import State

# In this process, because starting processes for all these tests would take seconds.
run = partial(lemur_core.run, in_process=True)
BLOBS = "img-classification_blobs_hits"
LINEAR = f"{BLOBS}_Linear"


@pytest.fixture
def db(tmp_path):
    return str(tmp_path / "results.db")


def run_watched(*patterns, **settings):
    """Run a campaign, and return its summary and events."""
    events = []
    return run(*patterns, watch=events.append, **settings), events


def results(db):
    frame = data(db=db)
    prms = [tuple(sorted(prm.items())) for prm in frame["prm"]]
    columns = (frame[name] for name in ("nn", "epoch", "accuracy", "validation", "loss"))
    return list(zip(*columns, prms, strict=True))


def test_every_epoch_of_every_trial_is_recorded(db):
    summary, events = run_watched(LINEAR, trials=2, epochs=3, db=db)
    assert summary.states == Counter({State.FINISHED: 2})
    assert summary.exit_status == 0
    frame = data(db=db)
    assert list(frame["epoch"]) == [1, 2, 3, 1, 2, 3]
    epochs = [event.epoch for event in events if isinstance(event, EpochEnded)]
    assert list(frame["accuracy"]) == [epoch.accuracy for epoch in epochs]
    assert frame["accuracy"].between(0, 1).all()


def test_a_linear_net_learns_to_tell_dark_from_bright(db):
    summary = run(LINEAR, trials=1, epochs=20, lr=0.1, batch=16, momentum=0.9, db=db)
    assert summary.standings[0].accuracy == 1.0


def test_the_same_command_gives_the_same_numbers(tmp_path):
    first_db, second_db, other_db = (str(tmp_path / name) for name in ("1.db", "2.db", "3.db"))
    for db, seed in ((first_db, 5), (second_db, 5), (other_db, 6)):
        run(LINEAR, trials=3, epochs=2, seed=seed, threads=1, db=db)
    assert results(first_db) == results(second_db)
    assert results(first_db) != results(other_db)


def test_repeating_the_command_trains_nothing(db):
    run(LINEAR, trials=2, epochs=1, db=db)
    summary, events = run_watched(LINEAR, trials=2, epochs=1, db=db)
    assert not summary.states
    assert not [event for event in events if isinstance(event, TrialStarted)]
    assert len(summary.standings) == 1


def test_a_larger_number_of_trials_adds_the_difference_and_a_negative_number_adds_its_amount(db):
    for trials, total in ((1, 1), (3, 3), (-2, 5)):
        run(LINEAR, trials=trials, epochs=1, db=db)
        assert len(data(db=db)) == total


def studies(events):
    return [
        (event.done, event.trials, event.others)
        for event in events
        if isinstance(event, StudyStarted)
    ]


def test_each_fixed_value_has_its_own_trials(db):
    for lr, study in ((0.1, (0, 1, 0)), (0.01, (0, 1, 1)), ("1e-3", (0, 1, 2)), (0.1, (1, 0, 2))):
        _, events = run_watched(LINEAR, lr=lr, trials=1, epochs=1, db=db)
        assert studies(events) == [study]
    assert [prm["lr"] for prm in data(db=db)["prm"]] == [0.1, 0.01, 0.001]


def test_trials_of_a_fixed_value_count_in_a_range_that_holds_it(db):
    for lr in (0.1, 0.5):
        run(LINEAR, lr=lr, trials=1, epochs=1, db=db)
    _, events = run_watched(LINEAR, lr="0.05..0.2", trials=2, epochs=1, db=db)
    assert studies(events) == [(1, 1, 1)]
    _, events = run_watched(LINEAR, lr="0.05..0.2", trials=-2, epochs=1, db=db)
    assert studies(events) == [(2, 2, 1)]
    assert len(data(db=db)) == 5


def test_each_precision_has_its_own_trials(db):
    run(LINEAR, lr=0.1, trials=1, epochs=1, db=db)
    _, events = run_watched(LINEAR, lr=0.1, precision="fp32", trials=1, epochs=1, db=db)
    assert studies(events) == [(0, 1, 1)]
    _, events = run_watched(LINEAR, lr=0.1, trials=1, epochs=1, db=db)
    assert studies(events) == [(1, 0, 1)]


def test_a_failed_trial_does_not_affect_others(db):
    summary, events = run_watched(f"{BLOBS}_{{Raises,Linear}}", trials=1, epochs=2, db=db)
    assert summary.states == Counter({State.FAILED: 3, State.FINISHED: 1})
    assert summary.reasons == Counter({"RuntimeError: out of luck": 3})
    assert summary.exit_status == 1
    assert Counter(data(db=db)["nn"]) == Counter({"Raises": 3, "Linear": 2})
    [warning] = [event.message for event in events if isinstance(event, Warned)]
    assert warning == (
        f"{BLOBS}_Raises is set aside: its first 3 trials failed in the same way: "
        "RuntimeError: out of luck"
    )


@pytest.mark.parametrize(
    ("net", "reason"),
    [("Diverges", "NotFiniteError: training loss is nan"), ("Exits", "SystemExit: 7")],
)
def test_a_failure_is_recorded_with_its_reason(db, net, reason):
    summary = run(f"{BLOBS}_{net}", trials=1, epochs=1, fail_attempts=2, db=db)
    assert summary.reasons == Counter({reason: 2})


def test_a_net_that_fits_no_dataset_is_an_error(db):
    with pytest.raises(MisfitError) as caught:
        run(f"{BLOBS}_Picky", trials=1, epochs=1, transform="plain", db=db)
    assert str(caught.value) == (
        "net 'Picky' cannot process dataset 'blobs' (1x4x4 to (2,)): "
        "RuntimeError: shape '[2, 1, 8, 8]' is invalid for input of size 32"
    )


def test_a_broken_net_is_given_up_after_three_trials_whatever_their_transforms(db, tmp_path):
    (tmp_path / "Broken.py").write_text(
        "from lemur_toy.nets import Linear\n"
        "supported_hyperparameters = Linear.supported_hyperparameters\n"
        "class Net(Linear.Net):\n"
        "    def forward(self, images):\n"
        "        return images.nothing()\n"
    )
    net, events = str(tmp_path / "Broken.py"), []
    with pytest.raises(MisfitError, match="no attribute 'nothing'"):
        run(
            net=net, dataset="blobs", transform=["plain", "double"], trials=9, seed=2, db=db,
            watch=events.append,
        )  # fmt: skip
    started = [event.trial for event in events if isinstance(event, TrialStarted)]
    transforms = [trial.prm["transform"] for trial in started]
    assert len(transforms) == 3
    assert set(transforms) == {"plain", "double"}


def test_a_net_that_fits_some_datasets_is_trained_on_them(db):
    summary = run(f"{BLOBS}_Picky", trials=1, epochs=1, transform="double", db=db)
    assert summary.states == Counter({State.FINISHED: 1})


def test_missing_data_is_an_error_if_named_in_full(db, tmp_path):
    with pytest.raises(MissingDataError) as caught:
        run("img-classification_absent_hits_Linear", data=tmp_path, db=db)
    assert str(caught.value) == (
        f"dataset 'absent': {tmp_path} has no absent.bin; get it from nowhere"
    )


def test_missing_data_is_left_out_if_matched_by_a_wildcard(db, tmp_path):
    summary = run(net="Linear", trials=1, epochs=1, data=tmp_path, db=db)
    assert summary.left_out == [
        f"dataset 'absent': {tmp_path} has no absent.bin; get it from nowhere"
    ]
    assert [standing.pipeline for standing in summary.standings] == [LINEAR]


def test_hyperparameters_stay_within_their_ranges(db):
    run(
        LINEAR, trials=4, epochs=1, lr="1e-3..1e-2", batch="2^3..2^4", momentum=0,
        prm={"width": "2..3", "optimizer": "sgd,adam"}, transform="double", db=db,
    )  # fmt: skip
    for prm in data(db=db)["prm"]:
        assert 1e-3 <= prm["lr"] <= 1e-2
        assert prm["batch"] in (8, 16)
        assert prm["momentum"] == 0
        assert prm["width"] in (2, 3)
        assert prm["optimizer"] in ("sgd", "adam")
        assert prm["transform"] == "double"
        assert prm["weight_decay"] == 0


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (
            {"prm": {"widht": 3}},
            SpaceError,
            "no chosen net has a hyperparameter 'widht'. Did you mean 'width'?",
        ),
        ({"device": "cuda:99"}, SettingsError, "device 'cuda:99' cannot be used: "),
        ({"device": "toaster"}, SettingsError, "device 'toaster' cannot be used: "),
        ({"sampler": "TPS"}, SettingsError, "unknown sampler 'TPS'. Did you mean 'TPE'?"),
        ({"pruner": "Zebra"}, SettingsError, "unknown pruner 'Zebra'; there are "),
    ],
)
def test_an_invalid_setting_is_reported_in_one_line(db, settings, error, message):
    with pytest.raises(error) as caught:
        run(LINEAR, trials=1, epochs=1, db=db, **settings)
    assert str(caught.value).startswith(message)
    assert isinstance(caught.value, LemurError)


@pytest.mark.parametrize("sampler", ["Random", "TPESampler", "qmc"])
def test_the_sampler_is_the_class_of_optuna_with_that_name(db, sampler):
    summary = run(LINEAR, trials=1, epochs=1, sampler=sampler, db=db)
    assert summary.states == Counter({State.FINISHED: 1})


FINITE = {"lr": "0.1,0.01", "batch": "16,32", "momentum": 0.9, "prm": {"width": 2}}
FINITE |= {"transform": "plain", "epochs": 1}


@pytest.mark.parametrize("sampler", ["grid", "BruteForceSampler"])
def test_a_sampler_that_has_tried_all_combinations_ends_its_study(db, sampler):
    line = f"{LINEAR}: sampler {sampler!r} has tried all 4 combinations; 6 trials were asked for"
    for expected in (4, 0):
        summary, events = run_watched(LINEAR, **FINITE, trials=6, sampler=sampler, db=db)
        assert summary.states == ({State.FINISHED: expected} if expected else {})
        assert summary.exit_status == 0
        assert summary.left_out == [line]
        assert [event.message for event in events if isinstance(event, Warned)] == [line]
        assert studies(events) == [(4 - expected, expected, 0)]
    assert {(prm["lr"], prm["batch"]) for prm in data(db=db)["prm"]} == {
        (0.1, 16), (0.1, 32), (0.01, 16), (0.01, 32),
    }  # fmt: skip


def test_combinations_that_were_tried_by_another_sampler_are_not_repeated(db):
    run(LINEAR, **FINITE | {"lr": 0.1, "batch": 16}, trials=2, db=db)
    summary = run(LINEAR, **FINITE, trials=5, sampler="grid", db=db)
    assert summary.states == {State.FINISHED: 3}
    assert not summary.left_out


def test_a_combination_that_fails_is_not_tried_again(db):
    summary = run(
        f"{BLOBS}_Raises", trials=9, epochs=2, lr="0.1,0.01,0.001", batch=16, momentum=0.9,
        transform="plain", prm={"width": 2},
        sampler="grid", fail_attempts=5, db=db,
    )  # fmt: skip
    assert (summary.states, summary.exit_status) == ({State.FAILED: 3}, 1)


def test_exhaustive_samplers_reject_ranges_of_real_numbers(db):
    with pytest.raises(SettingsError) as caught:
        run(LINEAR, trials=1, epochs=1, batch=16, momentum=0, sampler="Grid", db=db)
    assert str(caught.value) == (
        "sampler 'Grid' tries each combination of values, but lr is a range, 0.001..0.1 log; "
        "list its values, as in --set lr=0.001,0.1"
    )


def test_a_pruner_stops_trials_and_they_count_as_done(db):
    summary = run(
        LINEAR, trials=8, epochs=4, pruner="Median", sampler="Random",
        lr="1e-5,0.1", momentum=0, batch=16, db=db,
    )  # fmt: skip
    assert summary.states[State.PRUNED] + summary.states[State.FINISHED] == 8
    assert summary.states[State.PRUNED] > 0
    assert summary.exit_status == 0


def test_a_net_file_is_trained(db, tmp_path, toys):
    file = tmp_path / "Mine.py"
    file.write_text(toys.get("net", "Linear").source())
    summary = run(BLOBS, net=str(file), trials=1, epochs=1, db=db)
    assert [standing.pipeline for standing in summary.standings] == [f"{BLOBS}_Mine"]


def test_a_net_file_may_share_its_name_with_an_installed_net(db, tmp_path, toys):
    file = tmp_path / "Linear.py"
    file.write_text(toys.get("net", "Linear").source() + "# mine\n")
    run(BLOBS, net=str(file), trials=1, epochs=1, db=db)
    assert data(db=db)["nn_code"][0].endswith("# mine\n")


def test_hooks_are_called_and_one_that_raises_does_not_stop_the_campaign(db, toys):
    heard = []

    class Tracker:
        @hookimpl
        def lemur_campaign_started(self, settings, pipelines, db):
            heard.append((settings.trials, [pipeline.name for pipeline in pipelines], db))

        @hookimpl
        def lemur_campaign_ended(self, summary):
            heard.append(dict(summary.states))

        @hookimpl
        def lemur_trial_started(self, trial):
            heard.append(("started", trial.number))

        @hookimpl
        def lemur_epoch_ended(self, epoch):
            heard.append(("epoch", epoch.number))

        @hookimpl
        def lemur_trial_finished(self, trial, outcome):
            raise RuntimeError("tracker is down")

    toys.manager.register(Tracker(), "tracker")
    events = []
    settings = Settings.of(
        {"patterns": LINEAR, "trials": 2, "epochs": 2, "db": db, "in_process": True}
    )
    summary = campaign(settings, toys, events.append)
    assert summary.states == Counter({State.FINISHED: 2})
    assert heard == [
        (2, [LINEAR], str(db)),
        ("started", 1), ("epoch", 1), ("epoch", 2), ("started", 2), ("epoch", 1), ("epoch", 2),
        {State.FINISHED: 2},
    ]  # fmt: skip
    assert [event.message for event in events if isinstance(event, Warned)] == [
        "plugin 'tracker': lemur_trial_finished raised RuntimeError: tracker is down"
    ]


def test_an_interruption_ends_the_trial_and_keeps_its_epochs(db):
    def interrupt(event):
        if isinstance(event, TrialStarted) and event.trial.number == 2:
            raise KeyboardInterrupt

    assert run(LINEAR, trials=3, epochs=1, db=db, watch=interrupt).exit_status == 130
    assert len(data(db=db)) == 1
    summary, events = run_watched(LINEAR, trials=3, epochs=1, db=db)
    assert summary.states == Counter({State.FINISHED: 2})
    assert len([event for event in events if isinstance(event, TrialFinished)]) == 2
