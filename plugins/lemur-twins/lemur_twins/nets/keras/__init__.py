"""Nets in Keras, for any of its backends."""
