"""The versions of Python, torch, lemur and its plugins, which are recorded with each trial."""

from __future__ import annotations

from importlib.metadata import version
from platform import python_version
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from lemur_core.registry import Registry


def versions(registry: Registry) -> dict[str, str]:
    """Return the versions of Python, torch, the core and the plugins, by name."""
    plugins = {
        plugin.distribution: plugin.version
        for plugin in registry.plugins.values()
        if plugin.distribution
    }
    core = {"python": python_version(), "torch": torch.__version__}
    return core | {"lemur-core": version("lemur-core")} | plugins
