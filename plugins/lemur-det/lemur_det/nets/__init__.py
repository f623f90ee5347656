"""One net per file."""
