"""Train one trial: its data, its batches and its epochs, without a database or a search."""
