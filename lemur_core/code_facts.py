"""Facts about the source code of nets in a database: named values that plugins record.

A plugin records facts about a source under names with its own prefix:

    from lemur_core.code import code_hash
    from lemur_core.code_facts import CodeFact, code_database

    with code_database("lemur.db") as database:
        fact = CodeFact(code_hash(code), "size.characters", len(code))
        database.run(lambda transaction: transaction.record([fact]))

``lemur db merge`` copies facts about code together with the code, and ``lemur db export`` and
``lemur db import`` include them. An imported fact has an ``origin``.
"""

from __future__ import annotations

from lemur_core.store.code_fact import CodeFact
from lemur_core.store.code_facts import (
    CodeDatabase,
    CodeTransaction,
    NamedSource,
    code_database,
)
from lemur_core.store.database import DEFAULT_DB

__all__ = [
    "DEFAULT_DB",
    "CodeDatabase",
    "CodeFact",
    "CodeTransaction",
    "NamedSource",
    "code_database",
]
