"""Nets for lemur that fit in a pocket."""
