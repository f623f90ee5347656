"""Import the modules that a trial needs before forking, so that forks need not import them.

No code of a net is run: its source is parsed, and the modules that it imports from well-known
libraries are imported here. Entries of plugins are imported too, but not those in a user's own
files, because the side effects of importing those would reach later trials.
"""

from __future__ import annotations

import ast
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from lemur_core.kinds.task import task_of
from lemur_core.sources.imports import syntax_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lemur_core.trial import Trial

_LIBRARIES = frozenset(
    ("numpy", "scipy", "sklearn", "timm", "torch", "torchmetrics", "torchvision", "transformers")
)


def preload(trial: Trial) -> bool:
    """Import the modules that a trial needs, except its net; return whether any was new."""
    before, pipeline = len(sys.modules), trial.pipeline
    # This module runs the code of nets.
    import_module("lemur_core.sources.load")
    # The trial raises these errors again.
    with suppress(Exception):
        task_of(pipeline.task_entry)
    for entry in (pipeline.metric_entry, *pipeline.also.values(), trial.transform_entry):
        if entry.module:
            with suppress(Exception, SystemExit):
                entry.load()
    with suppress(Exception):
        # Forks use the cached recipe, which they compare with the trial's.
        pipeline.net_entry.recipe()
        for module in _libraries(pipeline.net_entry.code()):
            with suppress(ImportError):
                import_module(module)
    return len(sys.modules) > before


def _libraries(code: str) -> Iterator[str]:
    """Yield the library modules that a net's code imports at its top level."""
    tree = syntax_tree(code)
    for node in tree.body if tree else ():
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        yield from (name for name in names if name.partition(".")[0] in _LIBRARIES)
