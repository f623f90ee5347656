"""Pairs in a database: collections of the kind ``pair``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from lemur_analysis.frame import CELL, check_columns
from lemur_analysis.pairs.columns import PRM, SCORE
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pandas import DataFrame

KIND = "pair"
NAME_FACT, DIFFERENCE_FACT = "pair.name", "pair.difference"
"""Facts of both trials of a pair: its name, and the absolute difference of the scores if that is
known with more digits than the scores."""
INCOMPLETE = ("abandoned", "failed", "interrupted", "running")
"""States of trials that have no final score, even if they have epochs."""


def of_collections(names: str | Sequence[str] = (), *, db: str | Path = "lemur.db") -> DataFrame:
    """Return the pairs in collections of a database, with one row per pair.

    A collection of pairs has members of two roles, for example ``pytorch`` and ``tensorflow``. The
    two members at the same position form a pair. A collection may contain one or more pairs.

    Args:
        names: Names of collections; if empty, all collections of the kind ``pair``.
        db: A database URL, or the path of an SQLite file.

    Returns:
        A frame with the columns ``collection``; ``position``; ``name`` of the pair, if recorded;
        ``task``, ``dataset``, ``metric``; ``nets``, the names of both nets; ``accuracy.ROLE``, the
        score of the last epoch, 0 to 1, NaN if the training failed, was interrupted or is not
        finished; ``trial.ROLE`` and ``state.ROLE``; ``difference``, the absolute difference of the
        scores; ``prm.NAME`` for each hyperparameter, or ``prm.NAME.ROLE`` for each role if the
        trainings of some pair have different values.

    Raises:
        SettingsError: A collection does not contain pairs.
        UnknownNameError: The collection does not exist.
        StoreError: The database does not exist or cannot be read.
    """
    import lemur_core

    if isinstance(names, str):
        names = [names]
    if not names:
        collections = lemur_core.collections(db=db)
        names = [collection.name for collection in collections if collection.kind == KIND]
    if not names:
        raise SettingsError(
            f"{db} has no collection of the kind {KIND!r}; lemur_core.collect(name, "
            "{role: trials, role: trials}, kind='pair') makes one"
        )
    return pd.concat([_of_collection(name, db) for name in names], ignore_index=True)


def of_rows(frame: DataFrame) -> DataFrame:
    """Return the pairs in the rows of one collection, read with `lemur_core.data`.

    Args:
        frame: The result of ``lemur_core.data(collection=...)`` with all its columns.

    Returns:
        A frame like that of `of_collections`, without the column ``collection`` and without pairs
        in which neither trial has an epoch.

    Raises:
        SettingsError: The rows do not have two roles, or a pair is not comparable.
    """
    check_columns(frame, ("role", "position", "trial", "epoch", "accuracy", "prm", "nn", *CELL))
    roles = sorted(frame["role"].unique())
    if len(roles) != 2:
        role_names = ", ".join(roles) or "none"
        raise SettingsError(f"pairs have members of two roles; the roles here are {role_names}")
    by_epoch = frame.sort_values("epoch", kind="stable")
    last = by_epoch.drop_duplicates(["role", "position"], keep="last")
    by_role = {role: part.set_index("position") for role, part in last.groupby("role")}
    positions = sorted(set(frame["position"]))
    pairs = [
        {role: part.loc[at] for role, part in by_role.items() if at in part.index}
        for at in positions
    ]
    nets = {role: str(part["nn"].mode().iloc[0]) for role, part in by_role.items()}
    rows = [_row(at, nets, pair) for at, pair in zip(positions, pairs, strict=True)]
    return pd.DataFrame(rows).assign(**_hyperparameters(roles, pairs))


def _of_collection(name: str, db: str | Path) -> DataFrame:
    import lemur_core

    members = lemur_core.collection(name, db=db).members
    roles: dict[str, set[int]] = {
        role: {member.position for member in members if member.role == role}
        for role in _roles(name, members)
    }
    rows = lemur_core.data(collection=name, with_facts=True, db=db)
    positions = sorted(set[int]().union(*roles.values()))
    first, *others = roles.values()
    uneven = first.union(*others) - first.intersection(*others)
    if uneven:
        raise SettingsError(
            f"collection {name!r}: position {min(uneven)} has a member of one role only; "
            "give each role as many members"
        )
    pairs = of_rows(rows) if rows["role"].nunique() == 2 else _without_scores(rows, roles)
    pairs = pairs.set_index("position").reindex(positions).rename_axis("position").reset_index()
    for column in (*CELL, "nets"):
        # Fill in the values of pairs without epochs from the other pairs.
        if column in pairs and pairs[column].nunique() == 1:
            pairs[column] = pairs[column].fillna(pairs[column].dropna().iloc[0])
    pairs.insert(0, "collection", name)
    return pairs


def _roles(name: str, members: Sequence[Any]) -> list[str]:
    roles = sorted({member.role for member in members})
    if len(roles) != 2:
        raise SettingsError(
            f"collection {name!r}: pairs have members of two roles; its roles are "
            f"{', '.join(roles) or 'none'}"
        )
    return roles


def _without_scores(rows: DataFrame, roles: dict[str, set[int]]) -> DataFrame:
    """Return the pairs of a collection in which at least one role has no epochs at all."""
    columns = {f"{SCORE}{role}": float("nan") for role in roles}
    if rows.empty:
        return pd.DataFrame({"position": sorted(set.union(*roles.values())), **columns})
    missing_role = min(set(roles) - set(rows["role"]))
    filler = rows.head(1).assign(role=missing_role, position=-1, accuracy=float("nan"))
    pairs = of_rows(pd.concat([rows, filler], ignore_index=True))
    return pairs[pairs["position"] >= 0]


def _row(position: int, nets: dict[str, str], members: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of the row of a pair, without hyperparameters.

    Args:
        position: Position of the pair.
        nets: The most frequent net of each role, used for trainings without epochs.
        members: The last row of each training, by role.
    """
    row: dict[str, Any] = {"position": position, **_shared_values(position, members)}
    pair_nets = {role: str(member["nn"]) for role, member in members.items()}
    row["nets"] = ", ".join(pair_nets.get(role, net) for role, net in nets.items())
    for role in nets:
        member = members.get(role)
        row[f"{SCORE}{role}"] = float("nan") if member is None else _score(member)
        row[f"trial.{role}"] = None if member is None else member["trial"]
        row[f"state.{role}"] = None if member is None else member.get("state")
    first, second = (row[f"{SCORE}{role}"] for role in nets)
    recorded = {member.get(DIFFERENCE_FACT) for member in members.values()}
    exact = next(iter(recorded)) if len(recorded) == 1 and len(members) == 2 else None
    row["difference"] = abs(first - second) if exact is None or pd.isna(exact) else exact
    return row


def _shared_values(position: int, members: dict[str, Any]) -> dict[str, Any]:
    """Return the values that both members of a pair share: task, dataset, metric and name."""
    row: dict[str, Any] = {}
    for column in (*CELL, NAME_FACT):
        values = {
            member[column]
            for member in members.values()
            if column in member and pd.notna(member[column])
        }
        if len(values) > 1:
            raise SettingsError(
                f"pair {position}: its trainings have different values of {column}, "
                f"{' and '.join(sorted(map(str, values)))}, and cannot be compared"
            )
        if column in CELL or values:
            row["name" if column == NAME_FACT else column] = next(iter(values), None)
    return row


def _score(member: Any) -> float:
    return float("nan") if member.get("state") in INCOMPLETE else float(member["accuracy"])


def _hyperparameters(roles: Sequence[str], pairs: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return the columns of hyperparameters, one per role if the values of some pair differ."""
    names = sorted({name for pair in pairs for member in pair.values() for name in member["prm"]})
    columns: dict[str, list[Any]] = {}
    for name in names:
        values = [
            {role: member["prm"].get(name) for role, member in pair.items()} for pair in pairs
        ]
        first = [next(iter(by_role.values())) for by_role in values]
        if all(
            value == first_value
            for by_role, first_value in zip(values, first, strict=True)
            for value in by_role.values()
        ):
            columns[f"{PRM}{name}"] = first
        else:
            for role in roles:
                columns[f"{PRM}{name}.{role}"] = [by_role.get(role) for by_role in values]
    return columns
