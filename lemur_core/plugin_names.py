"""Names provided by plugins of this repository, and the distributions that provide them."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from lemur_core.errors import MissingPluginError, PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROVIDED: Mapping[str, Mapping[str, str]] = {
    "command": {
        "check": "lemur-check",
        "spaces": "lemur-spaces",
        "twins": "lemur-twins",
        "zoo": "lemur-zoo",
    },
    "view": {"confusion": "lemur-analysis", "curves": "lemur-analysis", "scores": "lemur-analysis"},
    "exporter": {"jsonl-code": "lemur-check", "parquet-code": "lemur-check"},
    "tracker": dict.fromkeys(("mlflow", "tensorboard", "wandb"), "lemur-trackers"),
}


def check_provided(kind: str, name: str) -> None:
    """Raise an error that says what to do if a plugin of this repository provides an unknown name.

    Raises:
        MissingPluginError: The plugin is not installed.
        PluginError: The plugin is installed, but is disabled or could not be loaded.
    """
    distribution = _PROVIDED.get(kind, {}).get(name)
    if distribution is None:
        return
    if find_spec(distribution.replace("-", "_")) is None:
        raise MissingPluginError(f"{kind} {name!r}", distribution)
    raise PluginError(
        f"{kind} {name!r} needs the plugin {distribution}, which is disabled or was left out; "
        "see lemur doctor"
    )


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
