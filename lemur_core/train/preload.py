"""Import what a trial needs into the process that forks, which each of its forks would do again.

Nothing of a net is run: its text is read, and of the modules that it imports those of well-known
libraries are imported here. The parts of plugins are imported too; those in a user's own files are
not, as what such a file changes would reach later trials.
"""

from __future__ import annotations

import ast
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from lemur_core.kinds.task import task_of
from lemur_core.sources.imports import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lemur_core.trial import Trial

_LIBRARIES = frozenset(
    ("numpy", "scipy", "sklearn", "timm", "torch", "torchmetrics", "torchvision", "transformers")
)


def preload(trial: Trial) -> bool:
    """Import what a trial needs beside its net; return whether any of it was not here yet."""
    before, pipeline = len(sys.modules), trial.pipeline
    # What runs the text of a net.
    import_module("lemur_core.sources.load")
    # What any of these raises, it raises in the trial too.
    with suppress(Exception):
        task_of(pipeline.task_entry)
    for entry in (pipeline.metric_entry, *pipeline.also.values(), trial.transform_entry):
        if entry.module:
            with suppress(Exception, SystemExit):
                entry.load()
    with suppress(Exception):
        # Kept for the forks, which compare it with the trial's.
        pipeline.net_entry.recipe()
        for module in _libraries(pipeline.net_entry.code()):
            with suppress(ImportError):
                import_module(module)
    return len(sys.modules) > before


def _libraries(code: str) -> Iterator[str]:
    """Yield the modules of libraries that a net's text imports when it is run."""
    tree = parsed(code)
    for node in tree.body if tree else ():
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        yield from (name for name in names if name.partition(".")[0] in _LIBRARIES)
