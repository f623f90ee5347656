"""Names provided by plugins of this repository, and the distributions that provide them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lemur_core.errors import MissingPluginError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROVIDED: Mapping[str, Mapping[str, str]] = {
    "command": {"check": "lemur-check"},
    "exporter": {"jsonl-code": "lemur-check", "parquet-code": "lemur-check"},
}


def check_provided(kind: str, name: str) -> None:
    """Raise `MissingPluginError` if an unknown name is provided by a plugin of this repository."""
    distribution = _PROVIDED.get(kind, {}).get(name)
    if distribution is not None:
        raise MissingPluginError(f"{kind} {name!r}", distribution)


def import_from_plugin(module: str, name: str) -> Any:
    """Return an attribute of a plugin's module.

    Raises:
        MissingPluginError: The plugin is not installed.
    """
    package = module.partition(".")[0]
    try:
        import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise MissingPluginError(f"lemur_core.{name}", package.replace("_", "-")) from None
    return getattr(import_module(module), name)
