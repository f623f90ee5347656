"""Begin a campaign: its processes first, which then import torch while this one does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from lemur_core.registry import Registry, installed
from lemur_core.search.checked import checked_in, with_checked
from lemur_core.search.events import Warned, Watch
from lemur_core.search.plan import plan
from lemur_core.search.settings import Settings

if TYPE_CHECKING:
    from lemur_core.search.campaign import Summary
    from lemur_core.spawn import Spawned


def run(*patterns: str, watch: Watch = lambda event: None, **settings: Any) -> Summary:
    """Train the pipelines that patterns name, and record every epoch.

    Args:
        patterns: As on the command line; none trains the demo.
        watch: Called with each event, in the order things happen.
        settings: As `Settings` has them, ``trials=3`` say.

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
    registry = with_checked(settings, registry)
    pipelines = plan(settings, registry)
    for net in sorted(checked_in(pipelines, registry)):
        watch(Warned(f"net {net!r} was checked behind walls; here it runs with your rights"))
    with _processes(settings) as started:
        from lemur_core.search.campaign import Campaign

        return Campaign(settings, pipelines, registry, watch, started).run()


@contextmanager
def _processes(settings: Settings) -> Iterator[Sequence[Spawned]]:
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
