"""Nets in JAX, with flax's nnx."""
