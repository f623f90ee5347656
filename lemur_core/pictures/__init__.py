"""Samples, and what a net says of them, drawn side by side with Pillow."""
