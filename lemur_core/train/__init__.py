"""One trial: its data, its batches, its epochs. Knows no database and no search."""
