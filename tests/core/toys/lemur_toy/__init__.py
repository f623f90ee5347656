"""A plugin so small that the core's tests train it in milliseconds."""
