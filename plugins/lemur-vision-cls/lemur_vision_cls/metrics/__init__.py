"""The metrics of what classifiers give: logits, one for each class.

Each takes ``outputs``, float, shape ``(batch, classes)``, and ``targets``, class indices, int64,
shape ``(batch,)``; what it counts stays on the device that it was moved to.
"""
