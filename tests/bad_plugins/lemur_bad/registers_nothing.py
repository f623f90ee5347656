"""A plugin without entries."""
