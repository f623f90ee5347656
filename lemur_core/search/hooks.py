"""Call the plugins' life-cycle hooks while a campaign runs."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import wraps
from types import SimpleNamespace
from typing import Any

import pluggy

from lemur_core import hookspecs
from lemur_core.registry import Registry
from lemur_core.search.events import (
    CampaignEnded,
    CampaignStarted,
    EpochEnded,
    Event,
    TrialFinished,
    TrialStarted,
    Warned,
    Watch,
)
from lemur_core.search.settings import Settings

_HOOKS = (
    "lemur_campaign_started",
    "lemur_trial_started",
    "lemur_epoch_ended",
    "lemur_trial_finished",
    "lemur_campaign_ended",
)
_Steps = Generator[Any, Any, Any]


def tell_plugins(registry: Registry, watch: Watch, settings: Settings | None = None) -> Watch:
    """Return a watcher that calls ``watch``, then the plugins' hooks for the event.

    pluggy calls the implementations, in its order and with its wrappers. One that raises is
    reported once and not called again in this campaign; the others are still called.

    Args:
        registry: What is installed.
        watch: Called first with each event.
        settings: The campaign's, for the hooks that are told of them.
    """
    manager = pluggy.PluginManager(hookspecs.hookspec.project_name)
    manager.add_hookspecs(hookspecs)
    for hook in _HOOKS:
        # In the order in which pluggy keeps them, which registering them one by one preserves.
        for implementation in getattr(registry.manager.hook, hook).get_hookimpls():
            guarded = _Guard(implementation, hook, watch).implementation()
            manager.register(SimpleNamespace(**{hook: guarded}))

    def told(event: Event) -> None:
        watch(event)
        hook, arguments = _call(event, settings)
        if hook:
            getattr(manager.hook, hook)(**arguments)

    return told


class _Guard:
    """Calls one implementation of a hook until it raises, and reports what it raised."""

    def __init__(self, guarded: pluggy.HookImpl, hook: str, watch: Watch) -> None:
        self._guarded, self._hook, self._watch = guarded, hook, watch
        self._silenced = False

    def implementation(self) -> Callable[..., Any]:
        """Return an implementation of the same kind, with the same arguments, that never raises."""
        is_wrapper, is_old_wrapper = self._guarded.wrapper, self._guarded.hookwrapper

        # pluggy reads the names of the arguments from the function that is wrapped.
        @wraps(self._guarded.function)
        def call(*args: Any, **kwargs: Any) -> None:
            self._call(*args, **kwargs)

        @wraps(self._guarded.function)
        def call_around(*args: Any, **kwargs: Any) -> _Steps:
            return (yield from self._around(*args, **kwargs))

        mark = hookspecs.hookimpl(wrapper=is_wrapper, hookwrapper=is_old_wrapper)
        return mark(call_around if is_wrapper or is_old_wrapper else call)

    def _call(self, *args: Any, **kwargs: Any) -> Any:
        if self._silenced:
            return None
        try:
            return self._guarded.function(*args, **kwargs)
        # A stranger's tracker must not stop the training that it watches.
        except (Exception, SystemExit) as error:
            self._silence(f"raised {type(error).__name__}: {error}")
            return None

    def _around(self, *args: Any, **kwargs: Any) -> _Steps:
        steps = self._call(*args, **kwargs)
        is_begun = steps is not None and self._begin(steps)
        try:
            result = yield
        except BaseException:
            # An interruption; the wrapper's own ``finally`` still runs.
            if is_begun:
                steps.close()
            raise
        return self._end(steps, result) if is_begun else result

    def _begin(self, steps: _Steps) -> bool:
        try:
            next(steps)
        except StopIteration:
            self._silence("is a wrapper and did not yield")
        except (Exception, SystemExit) as error:
            self._silence(f"raised {type(error).__name__}: {error}")
        else:
            return True
        return False

    def _end(self, steps: _Steps, result: Any) -> Any:
        try:
            steps.send(result)
        except StopIteration as ended:
            return ended.value
        except (Exception, SystemExit) as error:
            self._silence(f"raised {type(error).__name__}: {error}")
        else:
            steps.close()
            self._silence("is a wrapper and yielded twice")
        return result

    def _silence(self, fault: str) -> None:
        self._silenced = True
        self._watch(Warned(f"plugin {self._guarded.plugin_name!r}: {self._hook} {fault}"))


def _call(event: Event, settings: Settings | None) -> tuple[str, dict[str, Any]]:
    match event:
        case CampaignStarted():
            facts = {"settings": settings, "pipelines": event.pipelines, "db": event.db}
            return "lemur_campaign_started", facts
        case CampaignEnded(summary):
            return "lemur_campaign_ended", {"summary": summary}
        case TrialStarted(trial):
            return "lemur_trial_started", {"trial": trial}
        case EpochEnded(trial, epoch):
            return "lemur_epoch_ended", {"trial": trial, "epoch": epoch}
        case TrialFinished(trial, outcome):
            return "lemur_trial_finished", {"trial": trial, "outcome": outcome}
        case _:
            return "", {}
