"""Results: `schema`, `writing`, `reading`, `taking` in, and `care`. Knows no torch."""
