"""The members of a collection as rows of results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from lemur_core.store import schema

if TYPE_CHECKING:
    from pandas import DataFrame

ROLES = ("role", "position")
"""Columns that tell what a row's trial is in the collection."""


def memberships(
    connection: Connection, collection: int, rows: DataFrame, max_rows: int | None
) -> DataFrame:
    """Return rows of a collection's trials with their roles and positions.

    Rows of a trial with several roles are there once for each, by role.

    Args:
        connection: To the database.
        collection: The collection's id.
        rows: Rows with the column ``trial_id``, each of a member.
        max_rows: At most so many rows are returned.
    """
    import pandas as pd

    member = schema.member.c
    query = select(member.trial_id, member.role, member.position).where(
        member.collection_id == collection
    )
    found: dict[int, list[tuple[str, int]]] = {}
    for trial, role, position in connection.execute(query.order_by(member.role)):
        found.setdefault(trial, []).append((role, position))
    each = [found[trial] for trial in rows["trial_id"].tolist()]
    repeated = rows.loc[rows.index.repeat([len(roles) for roles in each])].head(max_rows)
    columns = [pair for roles in each for pair in roles][: len(repeated)]
    made = repeated.reset_index(drop=True)
    made["role"] = pd.Series([role for role, _ in columns], dtype="str")
    made["position"] = pd.Series([position for _, position in columns], dtype="int64")
    return made
