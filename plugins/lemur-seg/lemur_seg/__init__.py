"""Nets and metrics for image segmentation."""
