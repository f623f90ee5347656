"""Store verdicts in a database as facts about code."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from lemur_core.code import code_hash, storable
from lemur_core.code_facts import CodeFact, CodeTransaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

FACT = "check.verdict"
_MEMBERS = {"asked", "checked", "facts", "name", "task", "valid"}


class CheckedPipeline(NamedTuple):
    """The pipeline in which a net was checked, without the net."""

    task: str
    dataset: str
    metric: str


class CheckedNet(NamedTuple):
    """A source that was found valid under a name.

    Attributes:
        hash: Hash of the source.
        task: Task of the last check.
        code: The source.
        walls: The walls of each check that found it valid; empty if not recorded.
    """

    hash: str
    task: str
    code: str
    walls: tuple[str, ...]


def find_verdicts(database: CodeTransaction, code: str, key: str) -> list[dict[str, Any]]:
    """Return the verdicts of the same check on a source, the last one first.

    Args:
        database: The database.
        code: The source.
        key: The key of the check.
    """
    # Older versions recorded the verdict on a source that cannot be stored under an empty hash.
    verdicts = [fact.value for fact in _trusted(database, (code_hash(code), ""))]
    same = [value for value in verdicts if value["asked"] == key]
    return [_decode_limits(value["facts"]) for value in sorted(same, key=_moment, reverse=True)]


def write_verdict(
    database: CodeTransaction,
    key: str,
    code: str,
    pipeline: CheckedPipeline,
    facts: Mapping[str, Any],
    checked: str,
) -> None:
    """Record a verdict and its source; writing it again has no effect.

    Args:
        database: The database.
        key: The key of the check.
        code: The source.
        pipeline: The pipeline of the check.
        facts: The verdict.
        checked: The time of the check, from `utc_now`.
    """
    # Only store the source if it is storable unchanged.
    if storable(code) == code:
        database.add(facts["name"], code)
    value = {
        "asked": key,
        "name": facts["name"],
        **pipeline._asdict(),
        "valid": facts["valid"],
        "facts": _encode_limits(facts),
        "checked": checked,
    }
    database.record([CodeFact(code_hash(code), FACT, value, f"{key} {checked}")])


def read_checked(
    database: CodeTransaction, names: Iterable[str]
) -> dict[str, tuple[CheckedNet, ...]]:
    """Return the sources that were found valid, by name; a name has several only after a merge.

    A source is left out if another one took over its name.
    """
    sources = set(database.sources(names))
    verdicts = _trusted(database, {source.hash for source in sources})
    nets_by_name: dict[str, dict[str, CheckedNet]] = {}
    for fact in sorted(verdicts, key=lambda fact: _moment(fact.value)):
        verdict, name = fact.value, fact.value["name"]
        if not verdict["valid"] or (name, fact.hash) not in sources:
            continue
        nets = nets_by_name.setdefault(name, {})
        for replaced in verdict["facts"].get("replaces", ()):
            nets.pop(replaced, None)
        earlier = nets.get(fact.hash)
        walls = (*(earlier.walls if earlier else ()), _walls_of(verdict["facts"]))
        nets[fact.hash] = CheckedNet(fact.hash, verdict["task"], "", walls)
    texts = database.texts(identity for nets in nets_by_name.values() for identity in nets)
    return {
        name: tuple(net._replace(code=texts[net.hash]) for net in nets.values())
        for name, nets in nets_by_name.items()
    }


def _trusted(database: CodeTransaction, hashes: Iterable[str]) -> list[CodeFact]:
    # Imported verdicts are not trusted, and damaged ones are ignored.
    return [
        fact
        for fact in database.facts(FACT, hashes)
        if fact.origin is None and _is_verdict(fact.value)
    ]


def _is_verdict(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() >= _MEMBERS
        and isinstance(value["name"], str)
        and isinstance(value["facts"], dict)
    )


def utc_now() -> str:
    """Return the current time in ISO 8601 and UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _encode_limits(facts: Mapping[str, Any]) -> dict[str, Any]:
    # JSON has no infinity, which means no limit.
    return _with_limits(facts, lambda limit: None if limit == math.inf else limit)


def _decode_limits(facts: Mapping[str, Any]) -> dict[str, Any]:
    return _with_limits(facts, lambda limit: math.inf if limit is None else limit)


def _with_limits(facts: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    # Verdicts of older versions have no limits.
    if "limits" not in facts:
        return dict(facts)
    limits = {name: change(limit) for name, limit in facts["limits"].items()}
    return {**facts, "limits": limits}


def _moment(value: Mapping[str, Any]) -> str:
    return str(value["checked"])


def _walls_of(facts: Mapping[str, Any]) -> str:
    # Verdicts of older versions may have no walls.
    return str(facts.get("walls") or ("none" if facts.get("not_enforced") else ""))
