"""The sizes that each family of transforms comes in."""

# Height and width, in pixels.
SIZES = (64, 128, 224, 256, 320, 512)
