"""Nets, datasets, transforms and metrics for image classification."""
