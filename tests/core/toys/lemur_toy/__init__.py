"""A small plugin that the core's tests train in milliseconds."""
