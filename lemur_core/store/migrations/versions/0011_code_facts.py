"""Replace the tables of verdicts and sketches by facts about code, one for each row."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_SKETCH, _VERDICT = "check.sketch", "check.verdict"
_AT_ONCE = 1_000


def upgrade() -> None:
    """Add the table of facts about code, move the rows there, and drop the old tables."""
    op.create_table(
        "code_fact",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column(
            "source_id", sa.Integer, sa.ForeignKey("source.id", name="fk_code_fact_source_id")
        ),
    )
    _move("select hash, tree, signature from sketch", _of_sketch)
    _move(
        "select verdict.*, nn.hash from verdict left join nn on nn.id = verdict.nn_id", _of_verdict
    )
    op.drop_table("sketch")
    op.drop_index("ix_verdict_name", "verdict")
    op.drop_table("verdict")


def _move(query: str, fact_of: Callable[[Mapping[Any, Any]], dict[str, str]]) -> None:
    connection = op.get_bind()
    insert = sa.text(
        "insert into code_fact (name, hash, key, value) values (:name, :hash, :key, :value)"
    )
    rows = connection.execute(sa.text(query), execution_options={"yield_per": _AT_ONCE})
    for some in rows.mappings().partitions():
        connection.execute(insert, [fact_of(row) for row in some])


def _of_sketch(row: Mapping[Any, Any]) -> dict[str, str]:
    value = {"signature": bytes(row["signature"]).hex(), "tree": row["tree"]}
    return {"name": _SKETCH, "hash": row["hash"], "key": "", "value": json.dumps(value)}


def _of_verdict(row: Mapping[Any, Any]) -> dict[str, str]:
    columns = ("asked", "checked", "dataset", "metric", "name", "task")
    value = {name: row[name] for name in columns} | {
        "facts": _finite(json.loads(row["facts"])),
        "valid": bool(row["valid"]),
    }
    return {
        "name": _VERDICT,
        # Unknown if the code contains characters that databases cannot store.
        "hash": row["hash"] or "",
        "key": f"{row['asked']} {row['checked']}",
        "value": json.dumps(value, sort_keys=True),
    }


def _finite(facts: dict[str, Any]) -> dict[str, Any]:
    # JSON has no infinity; an infinite limit is recorded as null.
    limits = facts.get("limits", {})
    none = {name: None for name, limit in limits.items() if limit == math.inf}
    return {**facts, "limits": {**limits, **none}} if none else facts
