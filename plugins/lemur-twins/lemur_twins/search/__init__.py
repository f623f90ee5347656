"""Search for hyperparameters with which twins differ most."""
