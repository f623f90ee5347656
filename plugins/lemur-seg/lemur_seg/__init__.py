"""Image segmentation for lemur."""
