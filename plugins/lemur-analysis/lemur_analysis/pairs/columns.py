"""The names of columns in a frame of pairs."""

SCORE, PRM = "accuracy.", "prm."
"""What the names of the scores' and the hyperparameters' columns begin with."""
