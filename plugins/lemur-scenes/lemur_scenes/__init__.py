"""Scenes with masks and boxes for lemur."""
