"""Results: `schema`, `writing`, `reading`, `taking` in, and `care`. Knows no torch."""

from lemur_core.store.reading.reader import data

__all__ = ["data"]
