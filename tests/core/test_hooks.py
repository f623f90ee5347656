from dataclasses import dataclass

import pluggy
import pytest

from lemur_core import hookimpl, hookspecs
from lemur_core.campaign.hooks import tell_plugins
from lemur_core.events import (
    CampaignEnded,
    CampaignStarted,
    TrialFinished,
    TrialStarted,
    Warned,
)
from lemur_core.registry import Registry
from lemur_core.settings import Settings
from lemur_core.trial import Outcome, State

SUMMARY = object()


@dataclass(frozen=True)
class NoTrial:
    number: int = 1


def registered(*trackers):
    registry = Registry()
    for number, tracker in enumerate(trackers, 1):
        registry.manager.register(tracker, f"tracker-{number}")
    return registry


def tracker(heard, name, **options):
    """A tracker whose hook says when it is called."""

    class Plain:
        @hookimpl(**options)
        def lemur_trial_started(self, trial):
            heard.append(f"{name} {trial.number}")

    class Wrapper:
        @hookimpl(**options)
        def lemur_trial_started(self, trial):
            heard.append(f"{name} before {trial.number}")
            result = yield
            heard.append(f"{name} after {type(result).__name__}")
            return result

    return Wrapper() if options.keys() & {"wrapper", "hookwrapper"} else Plain()


SETS = {
    "registered last, called first": [{}, {}, {}],
    "first and last": [{"tryfirst": True}, {}, {"trylast": True}, {}, {"trylast": True}],
    "wrappers": [{"wrapper": True}, {}, {"wrapper": True}, {"wrapper": True, "tryfirst": True}],
    "both kinds of wrappers": [
        {"hookwrapper": True, "trylast": True}, {"tryfirst": True}, {"wrapper": True},
        {}, {"hookwrapper": True}, {"wrapper": True, "tryfirst": True}, {"trylast": True},
    ],
}  # fmt: skip


@pytest.mark.parametrize("kinds", SETS.values(), ids=SETS)
def test_trackers_are_called_in_pluggys_order(kinds):
    def trackers(heard):
        return [tracker(heard, number, **options) for number, options in enumerate(kinds)]

    pluggys, ours = [], []
    manager = pluggy.PluginManager("lemur_core")
    manager.add_hookspecs(hookspecs)
    for one in trackers(pluggys):
        manager.register(one)
    manager.hook.lemur_trial_started(trial=NoTrial())

    tell_plugins(registered(*trackers(ours)), lambda event: None)(TrialStarted(NoTrial()))

    assert ours == pluggys
    assert len(ours) >= len(kinds)


def test_a_function_of_another_name_is_called_for_the_hook_that_it_names():
    heard = []

    class Tracker:
        @hookimpl(specname="lemur_trial_started")
        def begin(self, trial):
            heard.append(trial.number)

    tell_plugins(registered(Tracker()), lambda event: None)(TrialStarted(NoTrial(7)))
    assert heard == [7]


def test_one_that_raises_is_reported_once_and_the_others_are_still_called():
    heard, events = [], []

    class Broken:
        @hookimpl
        def lemur_trial_started(self):
            raise SystemExit("no licence")

    watch = tell_plugins(
        registered(
            tracker(heard, "first"), Broken(), tracker(heard, "last"),
            tracker(heard, "around", wrapper=True),
        ),
        events.append,
    )  # fmt: skip
    for number in (1, 2):
        watch(TrialStarted(NoTrial(number)))
    assert heard == [
        "around before 1", "last 1", "first 1", "around after list",
        "around before 2", "last 2", "first 2", "around after list",
    ]  # fmt: skip
    assert [event.message for event in events if isinstance(event, Warned)] == [
        "plugin 'tracker-2': lemur_trial_started raised SystemExit: no licence"
    ]


def raises_before(trial):
    raise ValueError("before")
    yield


def raises_after(trial):
    yield
    raise ValueError("after")


def does_not_yield(trial):
    if trial is None:
        yield


def yields_twice(trial):
    yield
    yield


@pytest.mark.parametrize("kind", ["wrapper", "hookwrapper"])
@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (raises_before, "raised ValueError: before"),
        (raises_after, "raised ValueError: after"),
        (does_not_yield, "is a wrapper and did not yield"),
        (yields_twice, "is a wrapper and yielded twice"),
    ],
)
def test_a_broken_wrapper_is_reported_once_and_what_it_wraps_is_still_called(function, fault, kind):
    heard, events = [], []

    class Broken:
        lemur_trial_started = staticmethod(hookimpl(**{kind: True})(function))

    watch = tell_plugins(
        registered(tracker(heard, "plain"), tracker(heard, "outer", wrapper=True), Broken()),
        events.append,
    )
    for _ in range(2):
        watch(TrialStarted(NoTrial()))
    assert heard == ["outer before 1", "plain 1", "outer after list"] * 2
    assert [event.message for event in events if isinstance(event, Warned)] == [
        f"plugin 'tracker-3': lemur_trial_started {fault}"
    ]


def test_an_interruption_passes_and_closes_the_wrappers():
    closed = []

    class Interrupted:
        @hookimpl
        def lemur_trial_started(self):
            raise KeyboardInterrupt

    class Wrapper:
        @hookimpl(wrapper=True)
        def lemur_trial_started(self):
            try:
                return (yield)
            finally:
                closed.append(True)

    watch = tell_plugins(registered(Interrupted(), Wrapper()), lambda event: None)
    with pytest.raises(KeyboardInterrupt):
        watch(TrialStarted(NoTrial()))
    assert closed == [True]


def test_each_hook_gets_what_it_asks_for():
    heard = []

    class Tracker:
        @hookimpl
        def lemur_trial_finished(self, outcome, trial):
            heard.append((outcome.state, trial.number))

    watch = tell_plugins(registered(Tracker()), lambda event: None)
    watch(TrialFinished(NoTrial(3), Outcome(State.FINISHED, ())))
    assert heard == [(State.FINISHED, 3)]


def test_trackers_are_told_of_a_campaigns_beginning_and_end():
    heard, events = [], []

    class Tracker:
        @hookimpl
        def lemur_campaign_started(self, settings, pipelines, db):
            heard.append((settings.trials, list(pipelines), db))

        @hookimpl
        def lemur_campaign_ended(self, summary):
            heard.append(summary)

    class Broken:
        @hookimpl
        def lemur_campaign_started(self, settings):
            raise ValueError(settings.epochs)

        @hookimpl
        def lemur_campaign_ended(self):
            raise SystemExit("bye")

    watch = tell_plugins(registered(Tracker(), Broken()), events.append, Settings(epochs=7))
    watch(CampaignStarted([], 3, 7, ["cpu"], "lemur.db"))
    watch(CampaignEnded(SUMMARY))
    assert heard == [(3, [], "lemur.db"), SUMMARY]
    assert [event.message for event in events if isinstance(event, Warned)] == [
        "plugin 'tracker-2': lemur_campaign_started raised ValueError: 7",
        "plugin 'tracker-2': lemur_campaign_ended raised SystemExit: bye",
    ]
