"""Start a campaign and its worker processes, which import torch while this process does."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lemur_core.campaign import plan as planning
from lemur_core.campaign.finished_campaign import recall, record_file, remember, repeat
from lemur_core.campaign.hooks import watcher_with_hooks
from lemur_core.campaign.trackers import Trackers
from lemur_core.errors import SettingsError, UnknownNameError
from lemur_core.events import Noted, Warned, Watch
from lemur_core.garbage import collection_paused
from lemur_core.store.location import may_exist

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lemur_core.campaign.plan import Plan
    from lemur_core.registry import Registry
    from lemur_core.search.start import Start
    from lemur_core.settings import Settings
    from lemur_core.spawn import SpawnedProcess
    from lemur_core.summary import Summary


def campaign(settings: Settings, registry: Registry, watch: Watch) -> Summary:
    """Run a campaign with the installed plugins.

    Raises:
        LemurError: The settings are invalid.
    """
    began = time.monotonic()
    # Report an unknown name at once, before importing torch, which takes seconds.
    settings, planned, start = planned_campaign(settings, registry)
    pipelines = planned.pipelines
    for net, summary_of_net in sorted(planned.found_nets.items()):
        watch(Warned(f"net {net!r} was {summary_of_net}; here it runs with your rights"))
    for line in planned.image_sizes:
        watch(Noted(line))
    trackers = Trackers(settings, registry)
    from lemur_core.store.database import check_lasting

    check_lasting(settings.db)
    file = record_file(settings, pipelines, registry)
    if may_exist(settings.db) and (finished := recall(file, pipelines)):
        summary = repeat(
            finished, settings, pipelines, watcher_with_hooks(registry, watch, settings)
        )
        if summary is not None:
            return summary
    with _processes(settings) as started:
        with collection_paused():
            from lemur_core.campaign.campaign import Campaign

        active = Campaign(settings, planned, registry, watch, started, began, trackers, start)
        summary = active.run()
    # If a dependency changed during the campaign, it is not recorded as finished.
    if active.finished and file and file == record_file(settings, pipelines, registry):
        remember(active.finished, file)
    return summary


def planned_campaign(settings: Settings, registry: Registry) -> tuple[Settings, Plan, Start | None]:
    """Return the settings and the plan of a campaign, and the trial that it continues, if any.

    Raises:
        LemurError: The settings are invalid, or the trial cannot continue.
    """
    if settings.continues is None:
        return settings, planning.plan(settings, registry), None
    from lemur_core.campaign.continued import continued, only_continued

    own_settings, start = continued(settings)
    try:
        planned = planning.plan(own_settings, registry)
    except UnknownNameError as error:
        if error.kind != "net":
            raise
        hint = " If" if str(error).endswith("?") else "; if"
        raise SettingsError(f"{error}{hint} it is a file, give it with --net FILE.py") from None
    return own_settings, only_continued(planned, start), start


@contextmanager
def _processes(settings: Settings) -> Iterator[Sequence[SpawnedProcess]]:
    if settings.in_process:
        yield ()
        return
    started = settings.start().ahead()
    try:
        yield started
    finally:
        # The campaign may not have taken them over, or may have ended them already.
        for spawned in started:
            with suppress(ValueError):
                spawned.process.kill()
