"""One file for each net."""
