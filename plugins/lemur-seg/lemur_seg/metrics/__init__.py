"""The metrics of what gives a class to each pixel."""
