"""The trackers that a campaign passes the progress of its trials on to."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from lemur_core.campaign.hooks import call_of
from lemur_core.errors import LemurError, PluginError
from lemur_core.events import CampaignStarted
from lemur_core.kinds.tracker import Tracker, cause, selected_tracker
from lemur_core.options import read_selection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lemur_core.events import Event
    from lemur_core.pipeline import Pipeline
    from lemur_core.registry import Registry
    from lemur_core.settings import Settings


class Trackers:
    """The trackers of a campaign.

    Args:
        settings: The settings of the campaign, which select the trackers.
        registry: The installed plugins.

    Raises:
        LemurError: A tracker does not exist or cannot be created.
    """

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._settings = settings
        selections = [read_selection("tracker", text) for text in settings.tracker]
        self._trackers: dict[str, Tracker] = {
            str(selection): selected_tracker(registry, selection) for selection in selections
        }

    def start(self, pipelines: Sequence[Pipeline], db: str) -> None:
        """Start the trackers, before anything is trained.

        Args:
            pipelines: The pipelines that are trained, in order.
            db: Path or URL of the database of results, without password.

        Raises:
            LemurError: A tracker cannot be started, for example because it cannot write.
        """
        for name, tracker in self._trackers.items():
            try:
                tracker.campaign_started(settings=self._settings, pipelines=pipelines, db=db)
            except LemurError:
                raise
            # Foreign code may raise anything, and the user must not see a traceback.
            except (Exception, SystemExit) as error:
                raise PluginError(f"tracker {name!r} cannot be started: {cause(error)}") from error

    def tell(self, event: Event, warn: Callable[[str], None]) -> None:
        """Pass an event on.

        Args:
            event: The event.
            warn: Called with a line about a tracker that raises, which is closed.
        """
        hook, arguments = call_of(event, self._settings)
        if not hook or isinstance(event, CampaignStarted):
            return
        for name, tracker in list(self._trackers.items()):
            try:
                getattr(tracker, hook.removeprefix("lemur_"))(**arguments)
            # A tracker must not stop the training that it watches.
            except (Exception, SystemExit) as error:
                del self._trackers[name]
                warn(f"tracker {name!r} failed and is switched off: {cause(error)}")
                with suppress(Exception, SystemExit):
                    tracker.close()
