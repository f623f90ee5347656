"""Identify the code that trains a net and is not part of its recorded code.

A net's recorded code says what it computes. How it is trained may be in a base class that is
installed, `lemur_core.kinds.net.Trainable` for example: its ``learn``, its optimizer, its clipping
of gradients. The recipe is the part of that code which the net can reach.
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
from lemur_core.sources.imports import parsed
from lemur_core.sources.names import Chain, Names, bases_in, names_of, used_in
from lemur_core.sources.namespace import in_folder
from lemur_core.sources.normal import normal_form
from lemur_core.sources.text import trees_of

_CORE = "lemur_core"
_NEVER_FOLLOWED = {*sys.stdlib_module_names, "numpy", "torch"}
_ERRORS = "lemur_core.errors"
# Recorded modules have names that no installed module has.
_RECORDED = "<recorded>"
# Of a base class in a large library, the nearest modules are enough to notice a change.
_MOST_MODULES = 64

Uses = Callable[[ast.stmt], Iterator[Chain]]


class Definition(NamedTuple):
    """A name of a module."""

    module: str
    name: str


# Once per process, as Python imports a module.
@cache
def recipe_of(code: str, target: str = "Net", adapter: str | None = None) -> str | None:
    """Return the identity of the code that trains a net and is not recorded with it.

    Statements are followed from the net's class, by the names that they use, through the recorded
    code into `lemur_core` and the packages of the net's base classes, but not into the standard
    library, numpy and torch. The identity is that of the statements reached outside the recorded
    code, without comments, docstrings, annotations and layout, and wherever they are: it stays the
    same if they are moved to another module.

    Args:
        code: The net's recorded code.
        target: The name of the net's class, or of the object that holds it, in its module.
        adapter: The module that ``target`` is in, where that is not part of ``code``.

    Returns:
        32 hexadecimal digits; None where no such code is reached.
    """
    search = _Search(code)
    root = Definition(adapter or _RECORDED, target)
    packages = {_CORE, *({_top(adapter)} if adapter else ())}
    packages |= {_top(one.module) for one in search.reached(root, bases_in, None)}
    reached = search.reached(root, used_in, packages - {_RECORDED})
    forms = {
        _form(statement)
        for one in reached
        if _top(one.module) != _RECORDED
        for statement in search.names(one.module).definitions.get(one.name, ())
    }
    return sha256("\n".join(sorted(forms)).encode()).hexdigest()[:32] if forms else None


class _Search:
    """The definitions that a net reaches.

    Args:
        code: The net's recorded code.
    """

    def __init__(self, code: str) -> None:
        tree = parsed(code.removeprefix("\ufeff"))
        trees = trees_of(tree) if tree else {}
        self._recorded = {
            f"{_RECORDED}.{name}".rstrip("."): names_of(one, _RECORDED)
            for name, one in trees.items()
        }

    def reached(self, root: Definition, uses: Uses, packages: set[str] | None) -> list[Definition]:
        """Return the definitions that are reached from one.

        Args:
            root: Where it begins.
            uses: Gives the names that a statement leads to.
            packages: Those that are followed beside the recorded code; None follows any.
        """
        found: dict[Definition, None] = {}
        modules: set[str] = set()
        waiting = deque(self._roots(root))
        while waiting:
            one = waiting.popleft()
            top = _top(one.module)
            is_followed = packages is None or top in packages or top == _RECORDED
            if one in found or not is_followed or top in _NEVER_FOLLOWED:
                continue
            modules.add(one.module)
            if len(modules) > _MOST_MODULES:
                break
            found[one] = None
            for statement in self.names(one.module).definitions.get(one.name, ()):
                for chain in dict.fromkeys(uses(statement)):
                    waiting += self._meant(one.module, chain)
        return list(found)

    def names(self, module: str) -> Names:
        """Return the names of a module, none where there is no source of it."""
        return self._recorded.get(module) or _installed(module) or Names()

    def _roots(self, root: Definition) -> Iterator[Definition]:
        found = list(self._meant(root.module, (root.name,)))
        if found:
            yield from found
            return
        # Made in a way that no statement shows; the search space is no part of the training.
        for name in self.names(root.module).definitions:
            if name != "supported_hyperparameters":
                yield Definition(root.module, name)

    def _meant(self, module: str, chain: Chain) -> Iterator[Definition]:
        """Yield the definitions that a name in a module may mean."""
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
            yield from self._meant(module, (attributes[0],))
            return
        # The module itself is handed on, so that anything in it may be used.
        for name in self.names(module).definitions:
            yield Definition(module, name)

    def _is_module(self, module: str) -> bool:
        return module in self._recorded or _installed(module) is not None


def _top(module: str) -> str:
    return module.partition(".")[0]


_form = cache(normal_form)


# Once per process, as Python imports a module.
@cache
def _installed(module: str) -> Names | None:
    """Return the names of an installed module; None where there is no source of one."""
    try:
        spec = find_spec(_top(module))
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin)
    root = origin.parent.parent if spec.submodule_search_locations else origin.parent
    found = in_folder(root, module)
    if found is None:
        return None
    try:
        tree = parsed(found.source())
    except PluginError:
        return None
    return None if tree is None else names_of(tree, found.package)
