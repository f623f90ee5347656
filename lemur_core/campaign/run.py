"""Begin a campaign: its processes first, which then import torch while this one does."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from lemur_core.campaign.finished_campaign import place, recall, remember, repeated
from lemur_core.campaign.hooks import tell_plugins
from lemur_core.campaign.plan import plan
from lemur_core.events import Warned, Watch
from lemur_core.registry import Registry, installed
from lemur_core.settings import Settings
from lemur_core.store.location import may_exist

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lemur_core.spawn import SpawnedProcess
    from lemur_core.summary import Summary


def run(*patterns: str, watch: Watch = lambda event: None, **settings: Any) -> Summary:
    """Train the pipelines that patterns name, and record every epoch.

    Args:
        patterns: As on the command line; none trains the demo.
        watch: Called with each event, in the order things happen.
        settings: Attributes of `lemur_core.Settings`, ``trials=3`` for example. Lists may stand
            for tuples, and a text for a list of one.

    Returns:
        How the campaign ended; trials that failed are counted there and do not raise.

    Raises:
        LemurError: The settings cannot be met.
    """
    return campaign(Settings.of({"patterns": patterns, **settings}), installed(), watch)


def campaign(settings: Settings, registry: Registry, watch: Watch) -> Summary:
    """Run a campaign over what is installed.

    Raises:
        LemurError: The settings cannot be met.
    """
    # A name that is not there is told at once, before torch takes its seconds to load.
    planned = plan(settings, registry)
    pipelines = planned.pipelines
    for net, how in sorted(planned.found.items()):
        watch(Warned(f"net {net!r} was {how}; here it runs with your rights"))
    from lemur_core.store.database import check_lasting

    check_lasting(settings.db)
    file = place(settings, pipelines, registry)
    if may_exist(settings.db) and (settled := recall(file, pipelines)):
        summary = repeated(settled, settings, pipelines, tell_plugins(registry, watch, settings))
        if summary is not None:
            return summary
    with _processes(settings) as started:
        from lemur_core.campaign.campaign import Campaign

        one = Campaign(settings, planned, registry, watch, started)
        summary = one.run()
    # Where what it depends on changed meanwhile, nothing is known.
    if one.settled and file and file == place(settings, pipelines, registry):
        remember(one.settled, file)
    return summary


@contextmanager
def _processes(settings: Settings) -> Iterator[Sequence[SpawnedProcess]]:
    if settings.in_process:
        yield ()
        return
    start, started = settings.start(), []
    try:
        for _ in range(settings.workers_wanted):
            started.append(start())
        yield started
    finally:
        # Where the campaign did not come to take them over, or has ended them already.
        for spawned in started:
            with suppress(ValueError):
                spawned.process.kill()
