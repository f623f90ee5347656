"""The complete code of a net: its own file and the modules that it imports from its own place.

Installed packages and the standard library are not part of it.
"""
