"""Results, written: each thing that happens, once, whatever the database does."""
