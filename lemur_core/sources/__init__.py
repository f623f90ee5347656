"""The complete code of a net: its own file and the modules beside it that it imports.

Installed packages and the standard library are not part of it.
"""
