"""The rules of trackers, and of plugins that implement life-cycle hooks."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch import nn

from lemur_core.entry import Entry
from lemur_core.fact import check_own_facts
from lemur_core.kinds.tracker import Tracker, make_tracker
from lemur_core.options import Selection, options_of
from lemur_core.pipeline import Pipeline
from lemur_core.settings import Settings
from lemur_core.summary import Summary
from lemur_core.trial import Epoch, Outcome, State, Trial

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pluggy
    import pytest

LIFE_CYCLE = (
    "lemur_campaign_started",
    "lemur_trial_started",
    "lemur_epoch_trained",
    "lemur_epoch_ended",
    "lemur_trial_finished",
    "lemur_campaign_ended",
)
"""The life-cycle hooks, in the order in which a campaign calls them."""

_EPOCHS = 2
_TARGET = "lemur_core.plugin"  # never loaded
_SUMMARY = Summary(states=Counter({State.FINISHED: 1, State.FAILED: 1}), db="lemur.db")


class TrackerRules:
    """A tracker takes the events of any campaign."""

    def test_tracker_needs_no_options(self, tracker: Entry) -> None:
        """Every option has a default."""
        options_of("tracker", tracker.load(), tracker.name)

    def test_tracker_writes_nothing_until_it_is_started(
        self, tracker: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A dry run creates trackers too."""
        monkeypatch.chdir(tmp_path)
        _made(tracker)
        written = [file.name for file in tmp_path.iterdir()]
        assert not written, f"tracker {tracker.name!r}: writes {written[0]} before it is started"

    def test_tracker_takes_a_campaign(
        self, tracker: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It takes trials side by side: one that finishes, one that fails, one that resumes."""
        monkeypatch.chdir(tmp_path)
        made, pipeline = _made(tracker), _pipeline()
        settings = Settings(db="lemur.db", epochs=_EPOCHS)
        made.campaign_started(settings=settings, pipelines=[pipeline], db="lemur.db")
        first, second = _trial(1), _trial(2)
        for trial in (first, second):
            made.trial_started(trial=trial)
        for trial in (first, second):
            made.epoch_ended(trial=trial, epoch=_epoch(1))
        made.trial_finished(trial=second, outcome=_failed())
        made.trial_finished(trial=first, outcome=Outcome(State.INTERRUPTED, (_epoch(1),)))
        resumed = replace(first, done=(_epoch(1),))
        made.trial_started(trial=resumed)
        made.epoch_ended(trial=resumed, epoch=_epoch(2))
        made.trial_finished(trial=resumed, outcome=Outcome(State.FINISHED, (_epoch(1), _epoch(2))))
        made.campaign_ended(summary=_SUMMARY)


class HookRules:
    """Life-cycle hooks accept every event of a campaign, and do not change the net."""

    manager: pluggy.PluginManager

    def test_hook_takes_a_campaign(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Every hook accepts a campaign with a trial that finishes and a trial that fails."""
        monkeypatch.chdir(tmp_path)
        settings, pipeline = Settings(db="lemur.db", epochs=_EPOCHS), _pipeline()
        self._call("lemur_campaign_started", settings=settings, pipelines=[pipeline], db="lemur.db")
        epochs = tuple(map(_epoch, range(1, _EPOCHS + 1)))
        for number, outcome in ((1, Outcome(State.FINISHED, epochs)), (2, _failed())):
            trial = _trial(number)
            self._call("lemur_trial_started", trial=trial)
            for epoch in outcome.epochs:
                self._call("lemur_epoch_ended", trial=trial, epoch=epoch)
            self._call("lemur_trial_finished", trial=trial, outcome=outcome)
        self._call("lemur_campaign_ended", summary=_SUMMARY)

    def test_hook_returns_facts_and_leaves_the_net_as_it_is(self, tmp_path: Path) -> None:
        """The facts of `lemur_epoch_trained` can be recorded, and it does not change the net."""
        net = nn.Linear(2, 2).eval()
        before = {name: value.clone() for name, value in net.state_dict().items()}
        results = self._call(
            "lemur_epoch_trained", trial=_trial(1), epoch=_epoch(1), net=net, folder=tmp_path
        )
        for facts in results:
            check_own_facts(facts)
        after = net.state_dict()
        changed = [name for name, value in before.items() if not value.equal(after[name])]
        assert not changed, f"lemur_epoch_trained changes the net's {changed[0]}"
        assert not net.training, "lemur_epoch_trained leaves the net in train()"

    def _call(self, hook: str, **arguments: Any) -> list[Mapping[str, Any]]:
        results: list[Mapping[str, Any]] = getattr(self.manager.hook, hook)(**arguments)
        return results


def implemented(manager: pluggy.PluginManager) -> list[str]:
    """Return the life-cycle hooks that are implemented."""
    return [hook for hook in LIFE_CYCLE if getattr(manager.hook, hook).get_hookimpls()]


def _made(tracker: Entry) -> Tracker:
    return make_tracker(tracker.load(), Selection(tracker.name))


def _failed() -> Outcome:
    return Outcome(State.FAILED, (_epoch(1),), "ValueError: too large")


def _trial(number: int) -> Trial:
    return Trial(_pipeline(), number, {"lr": 0.1, "batch": 2}, seed=number, epochs=_EPOCHS)


def _pipeline() -> Pipeline:
    entry, names = Entry("any", _TARGET), ("img-classification", "digits", "acc", "CNN")
    return Pipeline(*names, entry, entry, entry, {})


def _epoch(number: int) -> Epoch:
    # A net need not return its loss.
    loss = 1 / number if number > 1 else None
    return Epoch(number, loss, validation=0.5, accuracy=0.4, duration_ns=number * 10**9)
