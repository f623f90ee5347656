"""The loaders of lemur-scenes."""
