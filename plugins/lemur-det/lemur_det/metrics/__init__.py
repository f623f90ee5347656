"""The metrics of what finds objects."""
