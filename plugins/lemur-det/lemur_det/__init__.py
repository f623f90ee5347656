"""Nets and metrics for object detection."""
