"""Metrics of object detection."""
