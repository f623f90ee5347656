"""Identify the code that trains a net but is not part of its recorded code.

A net's recorded code defines what it computes. How it is trained may be defined in an installed
base class, for example `lemur_core.kinds.net.Trainable` with its ``learn``, optimizer and gradient
clipping. The recipe is the part of that code which the net can reach.
"""

from __future__ import annotations

import ast
import sys
from collections import deque
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from lemur_core.errors import PluginError
from lemur_core.sources.imports import syntax_tree
from lemur_core.sources.names import Chain, Names, bases_in, names_of, used_in
from lemur_core.sources.namespace import in_folder
from lemur_core.sources.normal import normal_form
from lemur_core.sources.text import trees_of

_CORE = "lemur_core"
_NEVER_FOLLOWED = {*sys.stdlib_module_names, "numpy", "torch"}
_ERRORS = "lemur_core.errors"
# A prefix for recorded modules that no installed module can have.
_RECORDED = "<recorded>"
# For a base class in a large library, the nearest modules suffice to detect a change.
_MAX_MODULES = 64

Uses = Callable[[ast.stmt], Iterator[Chain]]


class Definition(NamedTuple):
    """A name that a module defines."""

    module: str
    name: str


# Cached for the process, as Python imports a module only once.
@cache
def recipe_of(code: str, target: str = "Net", adapter: str | None = None) -> str | None:
    """Return the identity of the code that trains a net but is not recorded with it.

    Starting from the net's class, the search follows the names that statements use, through the
    recorded code into `lemur_core` and the packages of the net's base classes, but not into the
    standard library, numpy and torch. The identity is a hash of the statements reached outside the
    recorded code. It does not depend on comments, docstrings, annotations, layout, or the module
    that contains a statement.

    Args:
        code: The net's recorded code.
        target: Name of the net's class, or of the object that contains it, in its module.
        adapter: Name of the module that defines ``target``, if it is not part of ``code``.

    Returns:
        32 hexadecimal digits; None if no such code is reached.
    """
    search = _Search(code)
    root = Definition(adapter or _RECORDED, target)
    packages = {_CORE, *({_top(adapter)} if adapter else ())}
    packages |= {_top(definition.module) for definition in search.reached(root, bases_in, None)}
    reached = search.reached(root, used_in, packages - {_RECORDED})
    forms = {
        _form(statement)
        for definition in reached
        if _top(definition.module) != _RECORDED
        for statement in search.names(definition.module).definitions.get(definition.name, ())
    }
    return sha256("\n".join(sorted(forms)).encode()).hexdigest()[:32] if forms else None


class _Search:
    """A search for the definitions that a net reaches.

    Args:
        code: The net's recorded code.
    """

    def __init__(self, code: str) -> None:
        tree = syntax_tree(code.removeprefix("\ufeff"))
        trees = trees_of(tree) if tree else {}
        self._recorded = {
            f"{_RECORDED}.{name}".rstrip("."): names_of(module, _RECORDED)
            for name, module in trees.items()
        }

    def reached(self, root: Definition, uses: Uses, packages: set[str] | None) -> list[Definition]:
        """Return the definitions that are reached from a definition.

        Args:
            root: The definition to start from.
            uses: Function that yields the names to follow from a statement.
            packages: Packages to follow in addition to the recorded code; None follows all.
        """
        reached: dict[Definition, None] = {}
        modules: set[str] = set()
        pending = deque(self._roots(root))
        while pending:
            definition = pending.popleft()
            top = _top(definition.module)
            is_followed = packages is None or top in packages or top == _RECORDED
            if definition in reached or not is_followed or top in _NEVER_FOLLOWED:
                continue
            modules.add(definition.module)
            if len(modules) > _MAX_MODULES:
                break
            reached[definition] = None
            for statement in self.names(definition.module).definitions.get(definition.name, ()):
                for chain in dict.fromkeys(uses(statement)):
                    pending += self._resolve(definition.module, chain)
        return list(reached)

    def names(self, module: str) -> Names:
        """Return the names of a module; empty if its source is not available."""
        return self._recorded.get(module) or _installed_names(module) or Names()

    def _roots(self, root: Definition) -> Iterator[Definition]:
        definitions = list(self._resolve(root.module, (root.name,)))
        if definitions:
            yield from definitions
            return
        # No statement defines the target, so follow every definition. The search space is not part
        # of the training.
        for name in self.names(root.module).definitions:
            if name != "supported_hyperparameters":
                yield Definition(root.module, name)

    def _resolve(self, module: str, chain: Chain) -> Iterator[Definition]:
        """Yield the definitions that a name in a module may refer to."""
        name, *attributes = chain
        names = self.names(module)
        if name in names.definitions:
            yield Definition(module, name)
        if name in names.imports:
            other, original = names.imports[name]
            yield from self._in_module(other, [original, *attributes] if original else attributes)
        elif name not in names.definitions:
            for other in names.stars:
                if _top(other) not in _NEVER_FOLLOWED:
                    yield from self._in_module(other, [name])

    def _in_module(self, module: str, attributes: list[str]) -> Iterator[Definition]:
        if _top(module) in _NEVER_FOLLOWED or module == _ERRORS:
            return
        while attributes and self._is_module(f"{module}.{attributes[0]}"):
            module, attributes = f"{module}.{attributes[0]}", attributes[1:]
        if attributes:
            yield from self._resolve(module, (attributes[0],))
            return
        # The module itself is used as a value, so any of its definitions may be reached.
        for name in self.names(module).definitions:
            yield Definition(module, name)

    def _is_module(self, module: str) -> bool:
        return module in self._recorded or _installed_names(module) is not None


def _top(module: str) -> str:
    return module.partition(".")[0]


_form = cache(normal_form)


# Cached for the process, as Python imports a module only once.
@cache
def _installed_names(module: str) -> Names | None:
    """Return the names of an installed module; None if its source is not available."""
    try:
        spec = find_spec(_top(module))
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin)
    root = origin.parent.parent if spec.submodule_search_locations else origin.parent
    module_file = in_folder(root, module)
    if module_file is None:
        return None
    try:
        tree = syntax_tree(module_file.source())
    except PluginError:
        return None
    return None if tree is None else names_of(tree, module_file.package)
