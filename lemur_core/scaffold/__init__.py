"""The files that ``lemur new`` writes, with ``$name`` where a name goes."""
