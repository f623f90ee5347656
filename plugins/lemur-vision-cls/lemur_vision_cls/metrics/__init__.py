"""Metrics of classification.

Each takes ``outputs``, logits, float, shape ``(batch, classes)``, and ``targets``, class indices,
int64, shape ``(batch,)``. Counts stay on the device of the metric.
"""
