"""Tell the plugins' life-cycle hooks what happens in a campaign."""

from __future__ import annotations

from typing import Any

from lemur_core.registry import Registry
from lemur_core.search.events import EpochEnded, Event, TrialFinished, TrialStarted, Warned, Watch


def tell_plugins(registry: Registry, watch: Watch) -> Watch:
    """Return a watcher that tells ``watch``, then each plugin's hook for the event.

    A hook that raises is reported once and not called again in this campaign.
    """
    deaf: set[tuple[str, str]] = set()

    def told(event: Event) -> None:
        watch(event)
        hook, arguments = _call(event)
        if not hook:
            return
        for implementation in getattr(registry.manager.hook, hook).get_hookimpls():
            key = (implementation.plugin_name, hook)
            if key in deaf:
                continue
            try:
                implementation.function(*(arguments[name] for name in implementation.argnames))
            # A stranger's tracker must not stop the training that it watches.
            except Exception as error:
                deaf.add(key)
                watch(Warned(f"plugin {key[0]!r}: {hook} raised {type(error).__name__}: {error}"))

    return told


def _call(event: Event) -> tuple[str, dict[str, Any]]:
    match event:
        case TrialStarted(trial):
            return "lemur_trial_started", {"trial": trial}
        case EpochEnded(trial, epoch):
            return "lemur_epoch_ended", {"trial": trial, "epoch": epoch}
        case TrialFinished(trial, outcome):
            return "lemur_trial_finished", {"trial": trial, "outcome": outcome}
        case _:
            return "", {}
