"""Draw samples beside their targets and predictions with Pillow."""
