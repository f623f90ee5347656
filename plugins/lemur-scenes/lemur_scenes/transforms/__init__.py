"""The transforms of lemur-scenes, which transform an image and its target together."""
