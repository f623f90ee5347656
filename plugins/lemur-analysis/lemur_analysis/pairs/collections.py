"""Pairs that a database holds: collections of the kind ``pair``."""

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
"""Facts of both trials of a pair: its name, and the absolute difference of the scores, where that
is known with more digits than the scores."""
INCOMPLETE = ("abandoned", "failed", "interrupted", "running")
"""States of trials that have no final score, whatever their epochs say."""


def of_collections(names: str | Sequence[str] = (), *, db: str | Path = "lemur.db") -> DataFrame:
    """Return the pairs of collections of a database, a row per pair.

    A collection of pairs has members of two roles, ``pytorch`` and ``tensorflow`` for example; the
    members of both roles at one position are a pair. A collection can hold one pair, or many.

    Args:
        names: Collections; none are all of the kind ``pair``.
        db: A database URL, or the path of an SQLite file.

    Returns:
        A frame with the columns ``collection``; ``position``; ``name`` of the pair, if recorded;
        ``task``, ``dataset``, ``metric``; ``nets``, both nets; ``accuracy.ROLE``, the score of the
        last epoch, 0 to 1, NaN if the training failed, was interrupted or is not done;
        ``trial.ROLE`` and ``state.ROLE``; ``difference``, the absolute difference of the scores;
        ``prm.NAME`` of each hyperparameter, or ``prm.NAME.ROLE`` for both roles if the trainings of
        some pair differ in it.

    Raises:
        SettingsError: A collection does not hold pairs.
        UnknownNameError: There is no such collection.
        StoreError: There is no such database, or it cannot be read.
    """
    import lemur_core

    if isinstance(names, str):
        names = [names]
    if not names:
        names = [one.name for one in lemur_core.collections(db=db) if one.kind == KIND]
    if not names:
        raise SettingsError(
            f"{db} has no collection of the kind {KIND!r}; lemur_core.collect(name, "
            "{role: trials, role: trials}, kind='pair') makes one"
        )
    return pd.concat([_of_collection(name, db) for name in names], ignore_index=True)


def of_rows(frame: DataFrame) -> DataFrame:
    """Return the pairs in the rows of one collection, as `lemur_core.data` returns them.

    Args:
        frame: What ``lemur_core.data(collection=...)`` returned, with all its columns.

    Returns:
        As `of_collections`, without ``collection``; pairs of which neither trial has an epoch are
        not in it.

    Raises:
        SettingsError: The rows do not have two roles, or a pair is not comparable.
    """
    check_columns(frame, ("role", "position", "trial", "epoch", "accuracy", "prm", "nn", *CELL))
    roles = sorted(frame["role"].unique())
    if len(roles) != 2:
        found = ", ".join(roles) or "none"
        raise SettingsError(f"pairs have members of two roles; the roles here are {found}")
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
    roles = {
        role: {one.position for one in members if one.role == role}
        for role in _roles(name, members)
    }
    rows = lemur_core.data(collection=name, with_facts=True, db=db)
    positions = sorted(set.union(*roles.values()))
    uneven = set.union(*roles.values()) - set.intersection(*roles.values())
    if uneven:
        raise SettingsError(
            f"collection {name!r}: position {min(uneven)} has a member of one role only; "
            "give each role as many members"
        )
    found = of_rows(rows) if rows["role"].nunique() == 2 else _without_scores(rows, roles)
    found = found.set_index("position").reindex(positions).rename_axis("position").reset_index()
    for column in (*CELL, "nets"):
        # Of pairs without any epoch, it is that of the others.
        if column in found and found[column].nunique() == 1:
            found[column] = found[column].fillna(found[column].dropna().iloc[0])
    found.insert(0, "collection", name)
    return found


def _roles(name: str, members: Sequence[Any]) -> list[str]:
    roles = sorted({one.role for one in members})
    if len(roles) != 2:
        raise SettingsError(
            f"collection {name!r}: pairs have members of two roles; its roles are "
            f"{', '.join(roles) or 'none'}"
        )
    return roles


def _without_scores(rows: DataFrame, roles: dict[str, set[int]]) -> DataFrame:
    """Return pairs of which one role, or both, has no epoch at all."""
    columns = {f"{SCORE}{role}": float("nan") for role in roles}
    if rows.empty:
        return pd.DataFrame({"position": sorted(set.union(*roles.values())), **columns})
    lacking = min(set(roles) - set(rows["role"]))
    filler = rows.head(1).assign(role=lacking, position=-1, accuracy=float("nan"))
    found = of_rows(pd.concat([rows, filler], ignore_index=True))
    return found[found["position"] >= 0]


def _row(position: int, nets: dict[str, str], members: dict[str, Any]) -> dict[str, Any]:
    """Return one pair as the columns of its row, without its hyperparameters.

    Args:
        position: Of the pair.
        nets: The usual net of each role, for trainings of which nothing is known.
        members: The last rows of its trainings, by role.
    """
    row: dict[str, Any] = {"position": position, **_alike(position, members)}
    own = {role: str(one["nn"]) for role, one in members.items()}
    row["nets"] = ", ".join(own.get(role, net) for role, net in nets.items())
    for role in nets:
        one = members.get(role)
        row[f"{SCORE}{role}"] = float("nan") if one is None else _score(one)
        row[f"trial.{role}"] = None if one is None else one["trial"]
        row[f"state.{role}"] = None if one is None else one.get("state")
    first, second = (row[f"{SCORE}{role}"] for role in nets)
    known = {one.get(DIFFERENCE_FACT) for one in members.values()}
    exact = next(iter(known)) if len(known) == 1 and len(members) == 2 else None
    row["difference"] = abs(first - second) if exact is None or pd.isna(exact) else exact
    return row


def _alike(position: int, members: dict[str, Any]) -> dict[str, Any]:
    """Return what the members of a pair must agree in."""
    row: dict[str, Any] = {}
    for column in (*CELL, NAME_FACT):
        values = {
            one[column] for one in members.values() if column in one and pd.notna(one[column])
        }
        if len(values) > 1:
            raise SettingsError(
                f"pair {position}: its trainings have different values of {column}, "
                f"{' and '.join(sorted(map(str, values)))}, and cannot be compared"
            )
        if column in CELL or values:
            row["name" if column == NAME_FACT else column] = next(iter(values), None)
    return row


def _score(one: Any) -> float:
    return float("nan") if one.get("state") in INCOMPLETE else float(one["accuracy"])


def _hyperparameters(roles: Sequence[str], pairs: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return the columns of hyperparameters: one for both roles where all pairs agree in it."""
    names = sorted({name for pair in pairs for one in pair.values() for name in one["prm"]})
    columns: dict[str, list[Any]] = {}
    for name in names:
        values = [{role: one["prm"].get(name) for role, one in pair.items()} for pair in pairs]
        first = [next(iter(of_pair.values())) for of_pair in values]
        if all(
            one == value
            for of_pair, value in zip(values, first, strict=True)
            for one in of_pair.values()
        ):
            columns[f"{PRM}{name}"] = first
        else:
            for role in roles:
                columns[f"{PRM}{name}.{role}"] = [of_pair.get(role) for of_pair in values]
    return columns
