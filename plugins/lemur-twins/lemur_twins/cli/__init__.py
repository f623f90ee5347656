"""Commands of lemur-twins."""
