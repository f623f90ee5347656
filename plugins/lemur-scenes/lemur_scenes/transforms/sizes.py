"""The sizes of the transforms of each family."""

# The height and width, in pixels.
SIZES = (64, 128, 224, 256, 320, 512)
