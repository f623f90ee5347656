"""The sizes of the transforms of each family: height and width in pixels."""

# Those that are listed, and the smallest and largest that a name may contain.
SIZES = (64, 128, 224, 256, 320, 512)
RANGE = (32, 2048)
