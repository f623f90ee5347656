"""Trackers are selected like estimators, and cannot stop the training that they watch."""

from pathlib import Path

import pytest

from lemur_core.campaign.check import check
from lemur_core.campaign.plan import plan
from lemur_core.campaign.run import campaign
from lemur_core.entry import Entry
from lemur_core.errors import LemurError, SettingsError
from lemur_core.events import EpochEnded, TrialStarted, Warned
from lemur_core.settings import Settings

LINEAR = "img-classification_blobs_hits_Linear"
ENTRIES = [
    Entry("lines", "lemur_toy.trackers:Lines"),
    Entry("needs", "lemur_toy.trackers:NeedsLibrary"),
    Entry("nothing", "lemur_toy.data:Plain"),
]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def registry(toys):
    return toys.with_entries("trackers", "tracker", ENTRIES)


@pytest.fixture
def run(registry):
    def call(watch=lambda event: None, **settings):
        given = {"patterns": LINEAR, "trials": 1, "epochs": 2, "in_process": True, "threads": 1}
        events = []

        def both(event):
            events.append(event)
            watch(event)

        summary = campaign(Settings.of(given | settings), registry, both)
        return summary, [event.message for event in events if isinstance(event, Warned)]

    return call


def lines(name="lines.log"):
    return Path(name).read_text().splitlines()


def test_a_tracker_follows_each_trial_of_a_campaign(run):
    run(tracker="lines", trials=2)
    assert lines() == [
        "campaign Linear lemur.db",
        "trial 1", "epoch 1 1", "epoch 1 2", "end 1 finished",
        "trial 2", "epoch 2 1", "epoch 2 2", "end 2 finished",
        "summary 2",
    ]  # fmt: skip


def test_without_a_tracker_nothing_is_written(run):
    run()
    assert not Path("lines.log").exists()


def test_several_trackers_follow_a_campaign(run):
    run(tracker=["lines:file=a.log", "lines:file=b.log"])
    assert lines("a.log") == lines("b.log")
    assert len(lines("a.log")) == 6


def test_a_trial_that_resumes_has_its_epochs_so_far(run):
    def interrupt(event):
        if isinstance(event, EpochEnded):
            raise KeyboardInterrupt

    assert run(watch=interrupt, tracker="lines")[0].interrupted
    Path("lines.log").unlink()
    run(tracker="lines")
    assert lines()[1:4] == ["trial 1 1", "epoch 1 2", "end 1 finished"]


@pytest.mark.parametrize("place", ["trial", "epoch", "end", "summary"])
def test_a_tracker_that_fails_is_reported_once_and_the_campaign_goes_on(run, place):
    tracker = f"lines:file=a.log,fails_at={place}"
    summary, warned = run(tracker=[tracker, "lines"], trials=2)
    assert summary.exit_status == 0
    assert warned == [
        f"tracker {tracker!r} failed and is switched off: OSError: [Errno 28] No space left on "
        "device"
    ]
    assert len(lines()) == 10
    assert not [line for line in lines("a.log") if line.startswith(place)]
    assert lines("a.log")[-1] == "closed"
    assert "closed" not in lines()


@pytest.mark.parametrize(
    ("tracker", "message"),
    [
        ("line", "unknown tracker 'line'. Did you mean 'lines'?"),
        ("lines:fil=a", "tracker 'lines' has no option 'fil'. Did you mean 'file'?"),
        ("lines:fails_at=creation",
         "tracker 'lines:fails_at=creation' cannot be created: ValueError: file is of no use"),
        ("needs", "tracker 'needs' needs lemur_toy_library, which is not installed"),
        ("nothing", "tracker 'nothing'"),
    ],
)  # fmt: skip
def test_a_tracker_that_cannot_be_created_is_reported_before_anything(
    run, registry, tracker, message
):
    with pytest.raises(LemurError) as raised:
        run(tracker=tracker)
    assert str(raised.value).startswith(message)
    assert not Path("lemur.db").exists()
    # A dry run reports the same.
    settings = Settings.of({"patterns": LINEAR, "tracker": tracker})
    with pytest.raises(LemurError) as again:
        check(settings, plan(settings, registry), registry, lambda line: None)
    assert str(again.value) == str(raised.value)


def test_an_option_without_a_value_is_refused():
    with pytest.raises(SettingsError) as raised:
        Settings.of({"tracker": ["lines", "lines:file"]})
    assert str(raised.value) == (
        "tracker 'lines:file': expected NAME or NAME:OPTION=VALUE,OPTION=VALUE"
    )


def test_a_tracker_that_cannot_be_started_is_reported_before_a_trial_starts(run):
    seen = []
    with pytest.raises(LemurError) as raised:
        run(watch=seen.append, tracker="lines:file=absent/a.log")
    assert str(raised.value) == (
        "tracker 'lines:file=absent/a.log' cannot be started: FileNotFoundError: [Errno 2] No such "
        "file or directory: 'absent/a.log'"
    )
    assert not [event for event in seen if isinstance(event, TrialStarted)]


def test_an_empty_name_on_the_command_line_switches_off_the_trackers_of_the_settings_file(lemur):
    Path("lemur.toml").write_text('[run]\ntracker = "log.py:file=a.log"\n')
    assert lemur("new", "tracker", "log")[0] == 0
    quick = (LINEAR, "--trials", "1", "--epochs", "1", "--in-process", "--quiet")
    assert lemur("run", *quick, "--tracker", "")[0] == 0
    assert not Path("a.log").exists()
    assert lemur("run", *quick, "--seed", "1", "--trials", "-1")[0] == 0
    assert len(lines("a.log")) == 2
