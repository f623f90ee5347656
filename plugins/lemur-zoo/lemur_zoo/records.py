"""The importer of zoos: each member is a trial of a collection with the name of the zoo.

A trial has an epoch for each of the member's from 1, with its losses, and its accuracy on the
validation and test images. Its duration is that of its group, whose members are trained together,
divided by their number. Importing a zoo again adds the members and epochs that it has gained.
Members of the epoch 0 alone have no record.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import lemur_core
from lemur_core.errors import LemurError
from lemur_core.kinds.importer import EpochRecord, Fault, Membership
from lemur_zoo.spec.spec import METRIC, TASK
from lemur_zoo.storage.header import FILE, FORMAT
from lemur_zoo.zoo import SCORES, Zoo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lemur_zoo.spec.population import ZooMember

NAME = "zoo"
"""Name of the importer, and the kind of the collections."""
_MOST_FAULTS = 3


def recognises(place: Path) -> bool:
    """Return whether a folder has the header of a zoo."""
    try:
        with (place / FILE).open(encoding="utf-8") as file:
            return f'"{FORMAT}"' in file.read(200)
    except (OSError, ValueError):
        return False


def read(place: Path) -> Iterator[EpochRecord | Fault]:
    """Yield the records of all members of a zoo.

    Raises:
        ZooError: The folder is not a zoo, or it is damaged.
    """
    zoo = Zoo(place)
    code = _code(zoo.spec.net)
    membership = Membership(zoo.name, kind=NAME, spec=_spec(zoo))
    for member in zoo.population:
        yield from _records(zoo, member, membership, code, place)


def import_zoo(place: Path, db: str) -> Iterator[str]:
    """Import a zoo, and yield lines about it.

    Raises:
        LemurError: The zoo is damaged, or the database cannot be written.
    """
    done = lemur_core.import_results(place, form=NAME, db=db)
    yield f"recorded {done.added:,} epochs in {db}, {done.present:,} were there already"
    yield from done.notes
    yield from (f"not recorded: {fault.reason}" for fault in done.faults[:_MOST_FAULTS])


def _records(
    zoo: Zoo, member: ZooMember, membership: Membership, code: str, place: Path
) -> Iterator[EpochRecord]:
    scores = zoo.scores[member.number].reshape(-1, len(SCORES))
    seconds = zoo.seconds(member.number)
    # Members of a group are trained together, so each has an equal share of the time.
    share = 1e9 / len(zoo.trained_with(member.number))
    facts = {"zoo.member": member.number, "zoo.split": member.split}
    for epoch in range(1, int(zoo.last_epochs[member.number]) + 1):
        values = dict(zip(SCORES, map(float, scores[epoch]), strict=True))
        if math.isnan(values["test_accuracy"]):
            continue  # Not measured.
        extra = {name: _finite(values[name]) for name in ("train_accuracy", "test_loss")}
        yield EpochRecord(
            TASK,
            zoo.spec.dataset,
            METRIC,
            zoo.spec.net,
            {**member.values, "seed": member.seed, "transform": f"norm_{zoo.spec.px}"},
            epoch,
            values["test_accuracy"],
            _finite(values["validation_accuracy"]),
            _finite(values["train_loss"]),
            round(seconds[epoch] * share) if seconds else None,
            validation_loss=_finite(values["validation_loss"]),
            trial=f"{zoo.header.uid}/{member.number}",
            code=code,
            extra={name: value for name, value in extra.items() if value is not None},
            trial_facts=facts,
            memberships=[membership],
            place=f"{place}: member {member.number}",
        )


def _spec(zoo: Zoo) -> dict[str, Any]:
    """Return what the members have in common, whatever is added to the zoo."""
    spec = {name: value for name, value in zoo.spec.to_json().items() if name != "epochs"}
    return {**spec, "uid": zoo.header.uid}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _code(net: str) -> str:
    """Return the code of the net; empty if it is not installed."""
    try:
        return lemur_core.installed().get("net", net).code()
    except LemurError:
        return ""
