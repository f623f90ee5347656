"""The rules of trackers: plugins that implement life-cycle hooks."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from torch import nn

from lemur_core.entry import Entry
from lemur_core.fact import check_facts
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


class TrackerRules:
    """A tracker accepts every event of a campaign, and does not change the net."""

    manager: pluggy.PluginManager

    def test_tracker_takes_a_campaign(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every hook accepts a campaign with a trial that finishes and a trial that fails."""
        monkeypatch.chdir(tmp_path)
        settings, pipeline = Settings(db="lemur.db", epochs=_EPOCHS), _pipeline()
        self._call("lemur_campaign_started", settings=settings, pipelines=[pipeline], db="lemur.db")
        for number, state in ((1, State.FINISHED), (2, State.FAILED)):
            trial = Trial(pipeline, number, {"lr": 0.1, "batch": 2}, seed=number, epochs=_EPOCHS)
            self._call("lemur_trial_started", trial=trial)
            epochs = tuple(map(_epoch, range(1, _EPOCHS + (state is State.FINISHED))))
            for epoch in epochs:
                self._call("lemur_epoch_ended", trial=trial, epoch=epoch)
            reason = "ValueError: too large" if state is State.FAILED else ""
            self._call("lemur_trial_finished", trial=trial, outcome=Outcome(state, epochs, reason))
        states = Counter({State.FINISHED: 1, State.FAILED: 1})
        self._call("lemur_campaign_ended", summary=Summary(states=states, db="lemur.db"))

    def test_tracker_returns_facts_and_leaves_the_net_as_it_is(self, tmp_path: Path) -> None:
        """The facts of `lemur_epoch_trained` can be recorded, and it does not change the net."""
        trial = Trial(_pipeline(), 1, {"lr": 0.1, "batch": 2}, seed=1, epochs=_EPOCHS)
        net = nn.Linear(2, 2).eval()
        before = {name: value.clone() for name, value in net.state_dict().items()}
        results = self._call(
            "lemur_epoch_trained", trial=trial, epoch=_epoch(1), net=net, folder=tmp_path
        )
        for facts in results:
            check_facts(facts)
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


def _pipeline() -> Pipeline:
    entry, names = Entry("any", _TARGET), ("img-classification", "digits", "acc", "CNN")
    return Pipeline(*names, entry, entry, entry, {})


def _epoch(number: int) -> Epoch:
    # A net need not return its loss.
    loss = 1 / number if number > 1 else None
    return Epoch(number, loss, validation=0.5, accuracy=0.4, duration_ns=number * 10**9)
