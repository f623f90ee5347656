"""A finished campaign is repeated without importing torch."""

import sqlite3

import pytest

import lemur_core
from lemur_core.campaign import campaign
from lemur_core.events import CampaignEnded, CampaignStarted, StudyStarted, TrialStarted
from lemur_core.trial import State

BLOBS = "img-classification_blobs_hits"
LINEAR = f"{BLOBS}_Linear"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a campaign; return its summary, its events, and whether it ran like any other."""
    made, before = [], campaign.Campaign.__init__

    def watched(self, *arguments):
        made.append(self)
        before(self, *arguments)

    monkeypatch.setattr(campaign.Campaign, "__init__", watched)

    def call(*patterns, **settings):
        made.clear()
        seen = []
        arguments = {"trials": 1, "epochs": 1, "in_process": True, "threads": 1}
        arguments |= {"db": str(tmp_path / "results.db"), "data": tmp_path / "data"}
        arguments = {
            name: value for name, value in (arguments | settings).items() if value is not None
        }
        summary = lemur_core.run(*patterns, watch=seen.append, **arguments)
        return summary, seen, bool(made)

    return call


def test_the_same_command_says_the_same_without_running_a_campaign(run):
    first, _, _ = run(LINEAR)
    summary, seen, is_run = run(LINEAR)
    assert not is_run
    assert (summary.standings, summary.states, summary.db) == (first.standings, {}, first.db)
    [began, study, ended] = seen
    assert isinstance(began, CampaignStarted)
    assert isinstance(study, StudyStarted)
    assert isinstance(ended, CampaignEnded)
    assert (began.trials, study.done, study.trials, study.others) == (1, 1, 0, 0)


def test_events_of_points_are_repeated(run):
    point = {"lr": 0.01, "batch": 16, "momentum": 0.5, "width": 2, "transform": "plain"}
    run(LINEAR)
    for is_new in (True, False):
        _, seen, is_run = run(LINEAR, points=[point], trials=None)
        assert is_run == is_new
    [study] = [event for event in seen if isinstance(event, StudyStarted)]
    assert (study.done, study.trials, study.others, study.fixed["lr"]) == (1, 0, 1, 0.01)


@pytest.mark.parametrize("change", ["settings", "removed", "added", "data", "environment", "cache"])
def test_a_campaign_is_run_if_anything_may_have_changed(run, tmp_path, monkeypatch, cache, change):
    run(LINEAR)
    db, settings = tmp_path / "results.db", {}
    if change == "settings":
        settings = {"seed": 1}
    if change == "removed":
        with sqlite3.connect(db) as connection:
            connection.execute("delete from stat")
            connection.execute("delete from trial")
    if change == "added":
        run(LINEAR, trials=-1)
    if change == "data":
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "more.bin").touch()
    if change == "environment":
        monkeypatch.setenv("LEMUR_MINE", "1")
    if change == "cache":
        [file] = (cache / "lemur" / "settled").iterdir()
        file.write_text("{damaged")
    summary, _, is_run = run(LINEAR, **settings)
    assert is_run
    assert summary.states == ({State.FINISHED: 1} if change == "removed" else {})


def test_a_net_file_that_was_edited_is_trained_again(run, tmp_path, toys):
    net = tmp_path / "Mine.py"
    net.write_text(toys.get("net", "Linear").source())
    run(BLOBS, net=str(net))
    assert not run(BLOBS, net=str(net))[2]
    net.write_text(net.read_text() + "\n# edited\n")
    assert run(BLOBS, net=str(net))[0].states == {State.FINISHED: 1}


@pytest.mark.parametrize("settings", [{"trials": -1}, {"estimator": "soon:after=1"}])
def test_a_campaign_that_asks_for_more_each_time_is_run(run, settings):
    run(LINEAR, **settings)
    assert run(LINEAR, **settings)[2]


def test_a_tracker_follows_each_campaign(run, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("from lemur_core.kinds.tracker import Tracker\n\n\nclass Mine(Tracker): ...\n")
    for _ in range(2):
        assert run(LINEAR, tracker=str(file))[2]


def test_failed_trials_are_tried_again(run):
    for _ in range(2):
        _, seen, _ = run(f"{BLOBS}_Raises", epochs=2, fail_attempts=1)
        assert [event for event in seen if isinstance(event, TrialStarted)]
