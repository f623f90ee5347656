"""Metrics of image segmentation."""
