"""Settings in files that every command reads: one for the user, and one for a project.

The project's file is the nearest ``lemur.toml`` in the working directory or above it. Flags take
precedence over environment variables, these over the project's file, and that over the user's:

.. code-block:: toml

    db = "results/lemur.db"    # relative paths start at the folder of this file
    data = "~/data"

    [run]                      # defaults of lemur run
    epochs = 20
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemur_core.errors import LemurError, SettingsError, hint
from lemur_core.settings import SHORT_PRM, Settings, prm_of
from lemur_core.store.location import is_url
from lemur_core.toml_file import read_toml

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "lemur.toml"
_RUN = "run"
_PATHS = ("db", "data")
# Each with the environment variable that takes precedence over it.
_SHARED = {"db": "LEMUR_DB", "data": "LEMUR_DATA", "user": "LEMUR_USER"}
_NOT_IN_RUN = ("patterns", "entries", "points", "continues", *_SHARED)


@dataclass(frozen=True)
class SettingsFile:
    """A settings file.

    Attributes:
        path: Its path.
        shared: What it sets for all commands, by name.
        run: The defaults of ``lemur run`` that it sets, by name.
    """

    path: Path
    shared: Mapping[str, str] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)


def user_file() -> Path | None:
    """Return the path of the user's file, which may not exist; None if it is switched off.

    ``LEMUR_CONFIG`` names another file; if it is empty, there is none.
    """
    given = os.environ.get("LEMUR_CONFIG")
    if given is not None:
        return Path(given).expanduser() if given else None
    import click

    return Path(click.get_app_dir("lemur")) / NAME


def settings_files() -> list[SettingsFile]:
    """Return the project's and the user's file, as far as they exist.

    Raises:
        SettingsError: A file cannot be read, or a name or value in it is invalid.
    """
    return [_read(path) for path in dict.fromkeys(_paths())]


def setting(name: str) -> str | None:
    """Return what the files set for all commands; None if they do not.

    Args:
        name: ``db``, ``data`` or ``user``.

    Raises:
        SettingsError: A file is invalid.
    """
    return next((file.shared[name] for file in settings_files() if name in file.shared), None)


def run_defaults() -> dict[str, Any]:
    """Return the settings of ``lemur run`` in the files, those of the project's file first.

    Raises:
        SettingsError: A file is invalid.
    """
    defaults: dict[str, Any] = {}
    for file in reversed(settings_files()):
        prm = prm_of(defaults) | prm_of(file.run)
        own = {name: value for name, value in file.run.items() if name not in SHORT_PRM}
        kept = {name: value for name, value in defaults.items() if name not in SHORT_PRM}
        defaults = {**kept, **own, "prm": prm}
        if "user" in file.shared and _SHARED["user"] not in os.environ:
            defaults["user"] = file.shared["user"]
    return defaults


def _paths() -> Iterator[Path]:
    folder = Path.cwd()
    for parent in (folder, *folder.parents):
        if os.path.lexists(parent / NAME):
            yield parent / NAME
            break
    path = user_file()
    if path is not None and (os.path.lexists(path) or "LEMUR_CONFIG" in os.environ):
        yield path.absolute()


def _read(path: Path) -> SettingsFile:
    values = read_toml(path, "settings file")
    try:
        return SettingsFile(path, dict(_shared(values, path.parent)), _run(values.get(_RUN, {})))
    except LemurError as error:
        raise SettingsError(f"settings file {str(path)!r}: {error}") from None


def _shared(values: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str]]:
    known = [name for name in _SHARED if name in _setting_names()]
    for name, value in values.items():
        if name == _RUN:
            continue
        if name in _setting_names() and name not in known:
            raise SettingsError(f"{name} belongs under [run]; expected {', '.join(known)}, [run]")
        if name not in known:
            raise SettingsError(f"unknown setting {name!r}{hint(name, [*known, _RUN])}")
        if not isinstance(value, str):
            raise SettingsError(f"{name} is {value!r}; expected a string")
        is_path = name in _PATHS and not (name == "db" and is_url(value))
        yield name, str(folder / Path(value).expanduser()) if is_path else value


def _run(values: Any) -> Mapping[str, Any]:
    if not isinstance(values, Mapping):
        raise SettingsError(f"{_RUN} is {values!r}; expected a table, [run]")
    for name in values:
        if name in _NOT_IN_RUN:
            place = "stands above [run]" if name in _SHARED else "cannot be a default"
            raise SettingsError(f"{name} {place}")
    Settings.of(values)
    return values


def _setting_names() -> list[str]:
    return [*(setting.name for setting in fields(Settings)), *SHORT_PRM]
