"""The tasks of images that the core registers, as any plugin registers its own."""
