"""Templates of the files that ``lemur new`` writes, with placeholders such as ``$name``."""
