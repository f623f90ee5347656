"""Datasets of scenes with masks and boxes for lemur, and their transforms."""
