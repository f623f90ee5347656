"""The transforms, which move an image and what is known of it together."""
