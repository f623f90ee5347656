"""Zoos, a kind of entry that this plugin brings: a callable that gives hyperparameters."""


def learning_rates():
    """Return the hyperparameters of each member."""
    return [{"lr": 10.0**-exponent} for exponent in (1, 2, 3)]
