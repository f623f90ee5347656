"""The interfaces that entries have, one file per kind."""
