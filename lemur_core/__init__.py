"""lemur: a dataset of neural networks and the machine that fills it.

A map of the package, in the order a newcomer reads it:

- `lemur_core.hookspecs`: the hooks a plugin implements.
- `lemur_core.entry`: what a plugin registers. `lemur_core.kind`: the table of kinds.
- `lemur_core.kinds`: one file per kind of entry, with the interface it must have.
- `lemur_core.discovery`, `lemur_core.registry`: find plugins and names.
- `lemur_core.images`: reads image files of any mode, for loaders.
- `lemur_core.pipeline`, `lemur_core.space`: what to train, and over which hyperparameters.
- `lemur_core.train`: one trial. `lemur_core.search`: a campaign of them.
- `lemur_core.store`: results. `lemur_core.checking`: nets that machines, or strangers, write.
- `lemur_core.cli`: the commands. `lemur_core.testing`: the contract tests of plugin authors.

Importing this package imports neither torch nor pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_core import errors
from lemur_core.entry import Entry, entries_in
from lemur_core.hookspecs import hookimpl
from lemur_core.kind import Kind

if TYPE_CHECKING:
    from lemur_core.checking.check import check
    from lemur_core.search.run import run
    from lemur_core.store.reading.reader import data

__all__ = ["Entry", "Kind", "check", "data", "entries_in", "errors", "hookimpl", "run"]

_LAZY = {
    "check": "lemur_core.checking.check",
    "data": "lemur_core.store.reading.reader",
    "run": "lemur_core.search.run",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("lemur-core")
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
