"""The image tasks of the core, registered in the same way as those of plugins."""
