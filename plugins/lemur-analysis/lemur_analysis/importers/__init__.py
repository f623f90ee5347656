"""Importers of published tables."""
