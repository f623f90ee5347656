"""Record the start of a trial that is trained outside lemur."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import Connection, select

from lemur_core.store import schema
from lemur_core.store.code import StoredCode, code_id
from lemur_core.store.identity import digest
from lemur_core.store.statements import insert_once
from lemur_core.store.text import now, storable
from lemur_core.store.writing.begin import write_prm
from lemur_core.store.writing.holders import Holders
from lemur_core.trial import State

if TYPE_CHECKING:
    from collections.abc import Mapping

RECIPE = digest("recorded from elsewhere")
"""Recipe of trials that are trained outside lemur; no campaign has this recipe."""
# How long a trial may be silent. If it is wrongly considered interrupted, recording its end fixes
# that.
_PATIENCE_S = 600.0


@dataclass(frozen=True)
class TrialElsewhere:
    """A trial that is trained outside lemur.

    Attributes:
        task, dataset, metric, net: Parts of the pipeline's name; none needs to be installed.
        prm: Hyperparameters.
        code: Source code of the net; None if unknown.
        seed: Seed of random numbers; None if unknown.
        epochs: Number of planned epochs; None if unknown.
        device: Device that it is trained on; None if unknown.
        parameters: Number of the net's trainable parameters; None if unknown.
        uid: Unique id, the same in every database.
        user: Name of the user who trains it; None if it is not recorded.
    """

    task: str
    dataset: str
    metric: str
    net: str
    prm: Mapping[str, Any]
    code: str | None = None
    seed: int | None = None
    epochs: int | None = None
    device: str | None = None
    parameters: int | None = None
    uid: str = field(default_factory=lambda: uuid4().hex)
    user: str | None = None


def begin_elsewhere(
    connection: Connection, trial: TrialElsewhere, *, owner: str, versions: Mapping[str, str]
) -> int:
    """Record that a trial starts, and return its id; doing so again changes nothing.

    The trial has no number, because a number is a position in a campaign's search. Campaigns
    neither count nor resume such a trial.
    """
    _end_left(connection)
    row = {
        "uid": trial.uid,
        "task": storable(trial.task),
        "dataset": storable(trial.dataset),
        "metric": storable(trial.metric),
        "nn": storable(trial.net),
        "nn_id": _code_id(connection, trial),
        "prm": write_prm(connection, trial.prm),
        "seed": trial.seed,
        "epochs": trial.epochs,
        "device": trial.device,
        "parameters": trial.parameters,
        "user": trial.user and storable(trial.user),
        "recipe": RECIPE,
        "state": State.RUNNING,
        "versions": dict(versions),
        "owner": owner,
        "started": now(),
        "seen": now(),
    }
    connection.execute(insert_once(connection.dialect, schema.trial).values(row))
    columns = schema.trial.c
    return int(connection.execute(select(columns.id).where(columns.uid == trial.uid)).scalar_one())


def _code_id(connection: Connection, trial: TrialElsewhere) -> int | None:
    if trial.code is None:
        return None
    return code_id(connection, schema.nn, trial.net, StoredCode.of(trial.code))


def _end_left(connection: Connection) -> None:
    """Mark trials whose process died as interrupted; no campaign would do so."""
    trial = schema.trial.c
    query = select(trial.id, trial.owner, trial.seen).where(
        trial.recipe == RECIPE, trial.state == State.RUNNING
    )
    holders = Holders()
    for row in connection.execute(query).all():
        holder = holders.holder(connection, row.owner, row.seen, _PATIENCE_S)
        if holder.free_in_s == 0 or holder.silent_s > _PATIENCE_S:
            end = {"state": State.INTERRUPTED, "reason": "its process ended", "ended": row.seen}
            this = (trial.id == row.id, trial.owner == row.owner, trial.state == State.RUNNING)
            connection.execute(schema.trial.update().where(*this).values(end))
