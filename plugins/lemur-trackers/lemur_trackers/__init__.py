"""Trackers for lemur, which pass the progress of trials on to other programs."""
