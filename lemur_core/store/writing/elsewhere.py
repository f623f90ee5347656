"""Begin a trial whose training is not lemur's."""

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
"""Stands for the code that trains where this is not lemur's; no campaign has it as its own."""
# Nobody watches another's training; one that was taken for dead is told so by its own end.
_PATIENCE_S = 600.0


@dataclass(frozen=True)
class TrialElsewhere:
    """A trial whose training is not lemur's.

    Attributes:
        task, dataset, metric, net: Parts of the pipeline's name; none need be installed.
        prm: Each hyperparameter's value.
        code: Of the net; None if that is not known.
        seed: Seeds what is random in it; None if that is not known.
        epochs: How many are planned; None if that is not known.
        device: What it is trained on; None if that is not known.
        parameters: How many numbers the net learns; None if that is not known.
        uid: Its own, whatever database it is in.
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


def begin_elsewhere(
    connection: Connection, trial: TrialElsewhere, *, owner: str, versions: Mapping[str, str]
) -> int:
    """Write a trial that starts, and return its id; done twice, it is there once.

    It has no number: that is its place among the trials of a campaign's search, which neither
    counts it nor goes on with it.
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
    """Say of trials whose process died that they were interrupted; nobody else would."""
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
