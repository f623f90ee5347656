"""Image classification for lemur."""
