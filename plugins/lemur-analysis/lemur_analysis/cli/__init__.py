"""The commands of lemur-analysis."""
