"""Nets of published zoos that other plugins do not have."""
