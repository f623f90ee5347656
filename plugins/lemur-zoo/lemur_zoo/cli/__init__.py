"""The commands of lemur-zoo."""
