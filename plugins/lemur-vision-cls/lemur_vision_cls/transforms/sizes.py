"""The sizes of transforms: height and width in pixels."""

SIZES = (32, 64, 128, 224, 256, 299, 512)
