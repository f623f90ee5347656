"""The transforms of images."""
