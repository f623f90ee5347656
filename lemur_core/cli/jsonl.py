"""Report a campaign to programs: one line of JSON for each event."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lemur_core import events
from lemur_core.cli.failure import place_of
from lemur_core.cli.output import print_data, warn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lemur_core.summary import Summary
    from lemur_core.trial import Epoch, Trial


class JsonLines(AbstractContextManager["JsonLines"]):
    """Prints each event as JSON, with its name under ``event``; ``CampaignEnded`` is the last."""

    def __exit__(self, *error: object) -> None:
        return None

    def __call__(self, event: events.Event) -> None:
        """Print an event."""
        if isinstance(event, events.Warned):
            warn(event.message)
        # `ended` prints this event after the database is closed.
        if not isinstance(event, events.CampaignEnded):
            self._print(type(event).__name__, _facts(event))

    def ended(self, summary: Summary) -> None:
        """Print the leaderboard."""
        facts = {
            "standings": [asdict(standing) for standing in summary.standings],
            "states": {str(state): count for state, count in summary.states.items()},
            "reasons": dict(summary.reasons),
            "left_out": summary.left_out,
            "audit": summary.audit and asdict(summary.audit),
            "db": summary.db,
            "left": summary.left and summary.left._asdict(),
        }
        self._print("CampaignEnded", facts)

    def _print(self, name: str, facts: Mapping[str, Any]) -> None:
        text = json.dumps({"event": name} | dict(facts), allow_nan=False)
        print_data(f"{text}\n")


def _facts(event: events.Event) -> dict[str, Any]:
    match event:
        case events.FileFetched() | events.Noted():
            return asdict(event)
        case events.CampaignStarted():
            pipelines = [pipeline.name for pipeline in event.pipelines]
            return {"pipelines": pipelines} | {
                name: getattr(event, name) for name in ("trials", "epochs", "devices", "db", "seed")
            }
        case events.StudyStarted():
            names = ("done", "trials", "others", "validation", "is_held_out")
            counts = {name: getattr(event, name) for name in names}
            ranges = {"fixed": dict(event.fixed), "searched": dict(event.searched)}
            return {"pipeline": event.pipeline.name} | counts | ranges
        case events.TrialsHeld():
            free_at = event.free_at and event.free_at.isoformat(timespec="seconds")
            return asdict(event) | {"free_at": free_at}
        case events.TrialStarted(trial):
            return _which(trial) | _searched(trial)
        case events.EpochEnded(trial, epoch):
            return _which(trial) | _renamed(epoch)
        case events.TrialFinished(trial, outcome):
            ended = {"state": str(outcome.state), "reason": outcome.reason}
            predicted = outcome.prediction and asdict(outcome.prediction)
            place = {"place": place_of(outcome.traceback)} if outcome.traceback else {}
            return _which(trial) | ended | place | {"prediction": predicted}
        case events.Warned(message):
            return {"message": message}
        case events.CampaignEnded():
            raise ValueError("JsonLines.ended prints the end")


def _searched(trial: Trial) -> dict[str, Any]:
    data = trial.data and {"label": trial.data.label, "fingerprint": trial.data.fingerprint}
    return {"prm": dict(trial.prm), "seed": trial.seed, "data": data}


def _which(trial: Trial) -> dict[str, Any]:
    return {"pipeline": trial.pipeline.name, "trial": trial.number, "uid": trial.uid}


def _renamed(epoch: Epoch) -> dict[str, Any]:
    return {"epoch" if name == "number" else name: value for name, value in asdict(epoch).items()}
