"""Scenes that are drawn, not photographed: the same everywhere, to the last bit.

All is done in whole numbers, drawn by numpy's PCG64, whose numbers stay the same.
"""
