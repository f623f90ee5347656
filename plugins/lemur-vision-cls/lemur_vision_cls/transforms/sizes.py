"""The sizes of transforms: height and width in pixels."""

# Those that are listed, and the smallest and largest that a name may contain.
SIZES = (32, 64, 128, 224, 256, 299, 512)
RANGE = (8, 2048)
