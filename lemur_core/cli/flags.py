"""From flags and a TOML file to a campaign's settings."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemur_core.errors import SettingsError
from lemur_core.settings import SHORT_PRM, Settings, prm_of
from lemur_core.space import Value, fixed, parse_range

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


def settings_of(flags: Mapping[str, Any], spelt_out: Collection[str]) -> Settings:
    """Return the settings of a command line.

    Args:
        flags: What click read.
        spelt_out: Names of the flags that the user gave; the others yield to the TOML file.

    Raises:
        SettingsError: A flag or the file cannot be read.
        SpaceError: A range cannot be read.
    """
    given = {name: value for name, value in flags.items() if value not in (None, ())}
    patterns = given.pop("patterns", ())
    files = [text for text in patterns if text.endswith(".toml")]
    if len(files) > 1:
        raise SettingsError(f"{', '.join(files)}: expected one settings file")
    base = _read_toml(Path(files[0])) if files else {}
    prm = prm_of(base) | ranges_of(given.pop("prm", None), given.pop("set_", ()))
    prm |= {name: given.pop(name) for name in SHORT_PRM if name in given}
    settings = {name: value for name, value in base.items() if name not in SHORT_PRM}
    for name, value in given.items():
        if name in spelt_out or name not in settings:
            settings[name] = value
    named = [text for text in patterns if text not in files]
    if named:
        settings["patterns"] = named
    return Settings.of({**settings, "prm": prm})


def ranges_of(prm: str | None, assigned: Iterable[str]) -> dict[str, Any]:
    """Return the ranges of ``--prm`` and, before those, of ``--set``, by hyperparameter.

    Raises:
        SettingsError: One of them cannot be read.
    """
    return _json("--prm", prm) | dict(map(_assignment, assigned))


def values_of(prm: str | None, assigned: Iterable[str]) -> dict[str, Value]:
    """Return the values of ``--prm`` and ``--set``, where there is nothing to be searched.

    Raises:
        SettingsError: One of them cannot be read, or is a range.
        SpaceError: One of them cannot be read, or has no meaning.
    """
    ranges = ranges_of(prm, assigned)
    values = fixed({name: parse_range(name, text) for name, text in ranges.items()})
    for name in ranges.keys() - values.keys():
        raise SettingsError(f"{name}={ranges[name]}: is a range; expected one value")
    return values


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"settings file {str(path)!r}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings file {str(path)!r} is no TOML: {error}") from None


def _json(flag: str, text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{flag} {text!r} is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise SettingsError(f"{flag} {text!r}: expected an object, as in '{{\"lr\": 0.01}}'")
    return value


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name.strip() and equals and value.strip()):
        raise SettingsError(f"--set {text!r}: expected NAME=RANGE, as in --set layers=2..4")
    return name.strip(), value.strip()
