"""Verdicts in a database: facts about the code that they are on."""

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


class Pipeline(NamedTuple):
    """What a net was checked in."""

    task: str
    dataset: str
    metric: str


class CheckedNet(NamedTuple):
    """A source that was found valid under a name.

    Attributes:
        hash: Of the source.
        task: What it was last checked for.
        code: The source.
        walls: What it was run behind, each time that it was found valid; empty where that was not
            recorded.
    """

    hash: str
    task: str
    code: str
    walls: tuple[str, ...]


def find_verdicts(database: CodeTransaction, code: str, asked: str) -> list[dict[str, Any]]:
    """Return the verdicts on a source that was checked in the same way before, the last first.

    Args:
        database: Where they are.
        code: The source.
        asked: The identity of what is asked.
    """
    # A source that no database stores was recorded without its hash by an older lemur.
    found = [fact.value for fact in _own(database, (code_hash(code), ""))]
    same = [value for value in found if value["asked"] == asked]
    return [_read(value["facts"]) for value in sorted(same, key=_moment, reverse=True)]


def write_verdict(
    database: CodeTransaction,
    asked: str,
    code: str,
    pipeline: Pipeline,
    facts: Mapping[str, Any],
    checked: str,
) -> None:
    """Record a verdict and the source that it is on; done twice, it is there once.

    Args:
        database: Where to write it.
        asked: The identity of what was asked.
        code: The source.
        pipeline: What it was checked in.
        facts: The verdict.
        checked: The moment, as `moment` writes it.
    """
    # A source that had to be escaped would be another.
    if storable(code) == code:
        database.add(facts["name"], code)
    value = {
        "asked": asked,
        "name": facts["name"],
        **pipeline._asdict(),
        "valid": facts["valid"],
        "facts": _written(facts),
        "checked": checked,
    }
    database.record([CodeFact(code_hash(code), FACT, value, f"{asked} {checked}")])


def read_checked(
    database: CodeTransaction, names: Iterable[str]
) -> dict[str, tuple[CheckedNet, ...]]:
    """Return the sources that were found valid, by their name; several only after a merge.

    A source whose name another one took over has it no more.
    """
    sources = set(database.sources(names))
    verdicts = _own(database, {source.hash for source in sources})
    found: dict[str, dict[str, CheckedNet]] = {}
    for fact in sorted(verdicts, key=lambda fact: _moment(fact.value)):
        told, name = fact.value, fact.value["name"]
        if not told["valid"] or (name, fact.hash) not in sources:
            continue
        nets = found.setdefault(name, {})
        for replaced in told["facts"].get("replaces", ()):
            nets.pop(replaced, None)
        before = nets.get(fact.hash)
        walls = (*(before.walls if before else ()), _walls_of(told["facts"]))
        nets[fact.hash] = CheckedNet(fact.hash, told["task"], "", walls)
    texts = database.texts(identity for nets in found.values() for identity in nets)
    return {
        name: tuple(net._replace(code=texts[net.hash]) for net in nets.values())
        for name, nets in found.items()
    }


def _own(database: CodeTransaction, hashes: Iterable[str]) -> list[CodeFact]:
    # Imported facts are not relied on, and a damaged one is no verdict.
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


def moment() -> str:
    """Return the time as verdicts have it, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _written(facts: Mapping[str, Any]) -> dict[str, Any]:
    # JSON has no infinity, which stands for no limit.
    return _with_limits(facts, lambda limit: None if limit == math.inf else limit)


def _read(facts: Mapping[str, Any]) -> dict[str, Any]:
    return _with_limits(facts, lambda limit: math.inf if limit is None else limit)


def _with_limits(facts: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    # Older lemurs recorded no limits.
    if "limits" not in facts:
        return dict(facts)
    limits = {name: change(limit) for name, limit in facts["limits"].items()}
    return {**facts, "limits": limits}


def _moment(value: Mapping[str, Any]) -> str:
    return str(value["checked"])


def _walls_of(facts: Mapping[str, Any]) -> str:
    # What older lemurs recorded has that much.
    return str(facts.get("walls") or ("none" if facts.get("not_enforced") else ""))
