"""Commands of lemur-spaces."""
