"""Call the plugins' life-cycle hooks during a campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_core.events import (
    CampaignEnded,
    CampaignStarted,
    EpochEnded,
    Event,
    TrialFinished,
    TrialStarted,
    Warned,
    Watch,
)
from lemur_core.guarded_hooks import guarded_hooks

if TYPE_CHECKING:
    from lemur_core.registry import Registry
    from lemur_core.settings import Settings

_HOOKS = (
    "lemur_campaign_started",
    "lemur_trial_started",
    "lemur_epoch_ended",
    "lemur_trial_finished",
    "lemur_campaign_ended",
)


def watcher_with_hooks(registry: Registry, watch: Watch, settings: Settings | None = None) -> Watch:
    """Return a watcher that calls ``watch``, then the plugins' hooks for the event.

    pluggy calls the implementations, in its order and with its wrappers. An implementation that
    raises is reported once and not called again in this campaign; the others are still called.

    Args:
        registry: The installed plugins.
        watch: Called first with each event.
        settings: Settings of the campaign, passed to the hooks that take them.
    """
    guarded = guarded_hooks(registry, _HOOKS, lambda line: watch(Warned(line)))

    def call_hooks(event: Event) -> None:
        watch(event)
        hook, arguments = call_of(event, settings)
        if hook:
            getattr(guarded.hook, hook)(**arguments)

    return call_hooks


def call_of(event: Event, settings: Settings | None) -> tuple[str, dict[str, Any]]:
    """Return the hook of an event and its arguments; an empty name if it has none."""
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
