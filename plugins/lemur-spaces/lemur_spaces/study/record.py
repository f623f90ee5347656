"""A study in the database: a collection with its population, and a role for each condition."""

from __future__ import annotations

from collections import defaultdict
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

from pandas import isna

import lemur_core
from lemur_core.errors import SettingsError, UnknownNameError
from lemur_core.kinds.net import as_net
from lemur_spaces.study.pipelines import TASK
from lemur_spaces.study.pretraining import identity_of
from lemur_spaces.study.spec import controlled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pandas import DataFrame, Series

    from lemur_core import Artefact, Collection, Entry
    from lemur_spaces.population import PopulationMember
    from lemur_spaces.study.spec import Condition, SpaceStudy

KIND = "space-study"
IDENTITY = ["data", "fingerprint", "nn_code", "recipe"]
"""Columns of the dataset's content and of the code: trials that differ in one are not compared."""


def spec_of(study: SpaceStudy, members: Sequence[PopulationMember]) -> dict[str, Any]:
    """Return what the collection of a study records of its population, a JSON value.

    ``designs`` has a row for each design, with its name, its hyperparameters in the order of
    ``hyperparameters``, and its complexities.
    """
    request = study.request
    names = list(members[0].design)
    return {
        "space": request.name,
        "net": request.space.net,
        "count": request.count,
        "bands": {name: str(band) for name, band in request.bands.items()},
        "images": request.images._asdict(),
        "seed": request.seed,
        "set": dict(request.shared),
        "invalid": "adjust" if request.is_adjusted else "reject",
        "hyperparameters": names,
        "designs": [
            [member.name, *(member.design[name] for name in names), *member.complexity]
            for member in members
        ],
    }


def recorded(name: str, db: str) -> Collection | None:
    """Return the collection of a study; None if there is none.

    Raises:
        SettingsError: The collection of this name is not a study.
    """
    try:
        collection = lemur_core.collection(name, db=db)
    except UnknownNameError:
        return None
    if collection.kind != KIND:
        raise SettingsError(
            f"collection {name!r} is a {collection.kind}, not a study of a design space; choose "
            "another name"
        )
    return collection


def check_population(study: SpaceStudy, spec: Mapping[str, Any], collection: Collection) -> None:
    """Check that a study goes on with the population that it began with.

    Raises:
        SettingsError: The population differs.
    """
    differing = [
        f"{name} {_short(collection.spec.get(name))} -> {_short(value)}"
        for name, value in spec.items()
        if collection.spec.get(name) != value and name not in ("designs", "hyperparameters")
    ]
    if collection.spec.get("designs") != spec["designs"]:
        differing = differing or ["other designs are drawn, by another version of the space"]
        raise SettingsError(
            f"study {study.name!r} began with another population: {', '.join(differing)}; restore "
            "it, or give the file another name"
        )


def changes(study: SpaceStudy, collection: Collection) -> Iterator[str]:
    """Yield a line for each condition that differs from a recorded one of the same dataset."""
    current = {condition.role for condition in study.conditions}
    roles = {member.role for member in collection.members}
    for role in sorted(roles - current):
        dataset, (base, control) = role.split()[0], controlled(role)
        if control and base not in current:
            continue  # The condition that it controls is named.
        same = [
            other
            for other in study.conditions
            if (other.dataset, other.control) == (dataset, control) and other.role not in roles
        ]
        for condition in same:
            before, now = _settings(role), _settings(condition.role)
            parts = [
                f"{name} {before.get(name)} -> {now.get(name)}"
                for name in dict.fromkeys([*before, *now])
                if before.get(name) != now.get(name)
            ]
            yield f"{dataset}: {', '.join(parts)}; only trainings with these settings count"
        if not same:
            yield f"{dataset} ({role.partition(' ')[2]}) is no longer part of it; its trials stay"


def _settings(role: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in role.split()[1:])


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def trials_of(
    condition: Condition,
    members: Sequence[PopulationMember],
    net: Entry,
    db: str,
    initial: Mapping[str, Artefact] | None = None,
) -> dict[str, list[str]]:
    """Return the ids of the finished trials of a condition, by name of the design, oldest first.

    There are at most as many for each design as the condition has seeds. Only trials that recorded
    all errors of the condition count.

    If the dataset's content or the code changed, only trials with those of the latest count.

    Args:
        condition: The condition.
        members: The population.
        net: The net of its space.
        db: The database.
        initial: The files of weights from which the designs start, by name; none for scratch.
    """
    rows = _finished(condition, members, net, db, initial or {})
    trials = _by_design(rows[_have_all_scores(rows, condition)])
    return {name: ids[: condition.seeds] for name, ids in trials.items()}


def _have_all_scores(rows: DataFrame, condition: Condition) -> Series:
    """Return which trials recorded the scores of the condition's further metrics."""
    from pandas import Series

    needed = {*condition.metrics[1:]}
    complete = [isinstance(scores, dict) and needed <= {*scores} for scores in rows["scores"]]
    return Series(complete if needed else True, index=rows.index, dtype=bool)


def _by_design(rows: DataFrame) -> dict[str, list[str]]:
    trials: defaultdict[str, list[str]] = defaultdict(list)
    for name, trial in zip(rows["design"], rows["trial"], strict=True):
        trials[name].append(trial)
    return dict(trials)


def _finished(
    condition: Condition,
    members: Sequence[PopulationMember],
    net: Entry,
    db: str,
    initial: Mapping[str, Artefact],
) -> DataFrame:
    """Return the last epochs of the finished trials of a condition, with the name of the design."""
    rows = _last_epochs(condition, net, db)
    fixed = {**fixed_prm(net), **condition.training}
    weights = {name: {"weights": identity_of(file)} for name, file in initial.items()}
    names = {
        _key({**fixed, **member.design, **weights.get(member.name, {})}): member.name
        for member in members
        if condition.source is None or member.name in weights
    }
    keys = [_key(_without(prm, "transform")) for prm in rows["prm"]]
    rows = rows.assign(design=[names.get(key) for key in keys]).dropna(subset=["design"])
    return of_latest(rows)


def _last_epochs(condition: Condition, net: Entry, db: str) -> DataFrame:
    return lemur_core.data(
        task=TASK,
        dataset=condition.dataset,
        metric=condition.metrics[0],
        nn=net.name,
        epoch=condition.trained_epochs,
        where={"state": "finished", "prm.transform": condition.transform},
        columns=["trial", "prm", "epochs", "started", "scores", *IDENTITY],
        db=db,
    ).query("epochs == @condition.trained_epochs")


def of_latest(rows: DataFrame) -> DataFrame:
    """Return the rows with the dataset's content and the code of the latest trial, oldest first.

    Args:
        rows: Rows of one condition, with the columns ``started`` and `IDENTITY`.
    """
    rows = rows.sort_values("started", kind="stable")
    if rows.empty:
        return rows
    latest = rows.iloc[-1]
    return rows[reduce(and_, [_equal(rows[column], latest[column]) for column in IDENTITY])]


def _equal(values: Series, value: Any) -> Series:
    """Return which values equal a value; missing values are equal to one another."""
    return values.astype("object").eq(value) | (values.isna() & isna(value))


def fixed_prm(net: Entry) -> dict[str, Any]:
    """Return the hyperparameters that a net fixes, if its population does not."""
    declared: Any = as_net(net.load(), net.name).hyperparameters()
    return {**declared, **net.prm}


def _key(prm: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(prm.items()))


def _without(prm: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {other: value for other, value in prm.items() if other != name}
