"""Commands of lemur-analysis."""
