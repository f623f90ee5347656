"""Read the specification of a zoo from a TOML file or by its published name."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemur_core.errors import SettingsError, hint
from lemur_zoo.spec.factors import read_factors
from lemur_zoo.spec.published import PUBLISHED
from lemur_zoo.spec.spec import ZooSpec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_TABLES = ("zoo", "factors", "members")
_OF_ZOO = ("dataset", "net", "px", "channels", "epochs", "validation", "start")
_OF_MEMBERS = ("repeats", "sample", "seeds", "seed")
_SEEDS = ("fixed", "random")
_TYPES = {int: "a whole number", str: "a text", dict: "a table"}


def find_spec(text: str) -> ZooSpec:
    """Return the specification in a TOML file, or the published one of a name.

    Args:
        text: The path of a file that ends in ``.toml``; or a published name, which
            ``@DATASET`` applies to another dataset.

    Raises:
        SettingsError: There is no such file or name, or the specification is invalid.
    """
    if text.lower().endswith(".toml"):
        return read_spec(Path(text))
    name, at, dataset = text.partition("@")
    if name not in PUBLISHED:
        raise SettingsError(
            f"unknown zoo {name!r}{hint(name, [*PUBLISHED])}; or name a file that ends in .toml"
        )
    spec = PUBLISHED[name]
    if not at:
        return spec
    if not dataset:
        raise SettingsError(f"zoo {text!r}: expected a dataset after @, as in {name}@digits")
    # The published number of validation images is a number of the published dataset.
    # The same holds for colour; what is grey is grey for any dataset.
    channels = 1 if spec.channels == 1 else 0
    return replace(spec, name=text, dataset=dataset, validation=None, channels=channels)


def read_spec(path: Path) -> ZooSpec:
    """Return the specification in a TOML file; its name is that of the file.

    Raises:
        SettingsError: The file cannot be read, or a value is unknown, missing or wrong.
    """
    tables = _toml(path)
    _check_names(path.name, tables, _TABLES)
    zoo, factors, members = (_get(path.name, tables, name, dict, {}) for name in _TABLES)
    _check_names("[zoo]", zoo, _OF_ZOO)
    _check_names("[members]", members, _OF_MEMBERS)
    sample = _whole("[members]", members, "sample", 0, least=0)
    seeds = _get("[members]", members, "seeds", str, "fixed")
    if seeds not in _SEEDS:
        raise SettingsError(f"[members]: seeds is {seeds!r}; expected {' or '.join(_SEEDS)}")
    if sample and "repeats" in members:
        raise SettingsError("[members]: expected either repeats, for a grid, or sample")
    channels = _whole("[zoo]", zoo, "channels", 0, least=0)
    if channels not in (0, 1, 3):
        raise SettingsError(f"[zoo]: channels is {channels}; expected 1 (grey) or 3 (colour)")
    return ZooSpec(
        name=path.stem,
        dataset=_get("[zoo]", zoo, "dataset", str),
        net=_get("[zoo]", zoo, "net", str, "CNN-S"),
        factors=read_factors("[factors]", factors, drawn=bool(sample)),
        px=_whole("[zoo]", zoo, "px", 28),
        channels=channels,
        epochs=_whole("[zoo]", zoo, "epochs", 50),
        validation=_whole("[zoo]", zoo, "validation", None) if "validation" in zoo else None,
        repeats=_whole("[members]", members, "repeats", 1),
        sample=sample,
        seeds=seeds,
        seed=_whole("[members]", members, "seed", 42, least=0),
        start=_start(zoo),
    )


def _start(zoo: Mapping[str, Any]) -> str:
    start: str = _get("[zoo]", zoo, "start", str, "")
    # A zoo may be continued from another working directory.
    return str(Path(start).resolve()) if start else ""


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{str(path)!r}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{str(path)!r} is not TOML: {error}") from None


def _check_names(where: str, table: Mapping[str, Any], known: Collection[str]) -> None:
    for name in table:
        if name not in known:
            raise SettingsError(f"{where} has {name!r}{hint(name, [*known])}")


def _get(where: str, table: Mapping[str, Any], name: str, kind: type, default: Any = None) -> Any:
    value = table.get(name, default)
    if value is None:
        raise SettingsError(f"{where} lacks {name!r}; expected {_TYPES[kind]}")
    if not isinstance(value, kind) or isinstance(value, bool):
        raise SettingsError(f"{where}: {name} is {value!r}; expected {_TYPES[kind]}")
    return value


def _whole(
    where: str, table: Mapping[str, Any], name: str, default: int | None, least: int = 1
) -> int:
    value: int = _get(where, table, name, int, default)
    if value < least:
        raise SettingsError(f"{where}: {name} is {value}; expected {least} or more")
    return value
