"""Nets in PyTorch, to whose conventions the others are matched."""
