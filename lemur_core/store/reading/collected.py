"""The members of a collection as rows of results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from lemur_core.store import schema

if TYPE_CHECKING:
    from pandas import DataFrame

ROLES = ("role", "position")
"""Columns with the role and position of a row's trial in the collection."""


def memberships(
    connection: Connection, collection: int, rows: DataFrame, max_rows: int | None
) -> DataFrame:
    """Add the roles and positions of a collection's members to the rows of its trials.

    A row is repeated for each role of its trial, in the order of the roles' names.

    Args:
        connection: Connection to the database.
        collection: Id of the collection.
        rows: Rows with the column ``trial_id``; each trial is a member of the collection.
        max_rows: Maximum number of rows to return.

    Returns:
        The rows with the columns in `ROLES`.
    """
    import pandas as pd

    member = schema.member.c
    query = select(member.trial_id, member.role, member.position).where(
        member.collection_id == collection
    )
    roles_by_trial: dict[int, list[tuple[str, int]]] = {}
    for trial, role, position in connection.execute(query.order_by(member.role)):
        roles_by_trial.setdefault(trial, []).append((role, position))
    row_roles = [roles_by_trial[trial] for trial in rows["trial_id"].tolist()]
    repeated = rows.loc[rows.index.repeat([len(roles) for roles in row_roles])].head(max_rows)
    memberships_of_rows = [membership for roles in row_roles for membership in roles][
        : len(repeated)
    ]
    result = repeated.reset_index(drop=True)
    result["role"] = pd.Series([role for role, _ in memberships_of_rows], dtype="str")
    result["position"] = pd.Series([position for _, position in memberships_of_rows], dtype="int64")
    return result
