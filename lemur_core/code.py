"""The source code of nets: its identity, and the modules that it consists of.

The code of a net can contain several modules in one text: the module of the net and those that it
imports from its folder. `complete` combines them; `split_modules` and `trees_of` separate them.
"""

from __future__ import annotations

from lemur_core.naming import check_name
from lemur_core.sources.complete import complete
from lemur_core.sources.text import Parts, split_modules, trees_of
from lemur_core.store.identity import code_hash
from lemur_core.store.text import storable

__all__ = [
    "Parts",
    "check_name",
    "code_hash",
    "complete",
    "split_modules",
    "storable",
    "trees_of",
]
