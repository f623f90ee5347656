"""Parametric nets, whose hyperparameters are the numbers of a design."""
