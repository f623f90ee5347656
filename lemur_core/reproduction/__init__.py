"""Reuse recorded trials: train them again, restore their nets, and predict with the nets."""
