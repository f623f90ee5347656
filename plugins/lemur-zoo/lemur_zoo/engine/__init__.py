"""Engines that train the members of a group together."""
