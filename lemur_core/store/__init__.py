"""Results: their schema, writing and reading them. Knows no torch."""

from lemur_core.store.reader import data

__all__ = ["data"]
