"""Names of columns in a frame of pairs."""

SCORE, PRM = "accuracy.", "prm."
"""Prefixes of the columns of scores and of hyperparameters."""
