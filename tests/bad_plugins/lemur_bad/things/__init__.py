"""The targets of the bad plugins' entries."""
