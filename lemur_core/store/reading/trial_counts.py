"""Values that change whenever a trial of some pipelines is added, changed or removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from lemur_core.store import schema

if TYPE_CHECKING:
    from collections.abc import Collection

    from lemur_core.pipeline import Pipeline


def trial_counts(connection: Connection, pipelines: Collection[Pipeline]) -> list[list[Any]]:
    """Return the counts and latest times of the trials on the pipelines' datasets, by state."""
    trial = schema.trial.c
    parts = (trial.task, trial.dataset, trial.metric, trial.nn, trial.state)
    query = (
        select(
            *parts,
            func.count(),
            func.max(trial.id),
            func.max(trial.seen),
            func.max(trial.ended),
            func.sum(trial.dataset_id),
        )
        .where(trial.dataset.in_({pipeline.dataset for pipeline in pipelines}))
        .group_by(*parts)
        .order_by(*parts)
    )
    return [list(row) for row in connection.execute(query)]
