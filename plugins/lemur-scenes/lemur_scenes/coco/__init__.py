"""Scenes in COCO's format: a folder of images, and a JSON file of the objects in them.

Lin et al.: Microsoft COCO: Common Objects in Context, ECCV 2014. The format is described at
https://cocodataset.org/#format-data. The entry point is `scenes.coco_scenes`.

============  ===================================================================
scenes        the samples, for segmentation and detection
categories    the selected categories, and their classes
image_filter  the selected images, and the cache of their indices
no_objects    the error if no image contains an object
annotations   the content of a JSON file, as arrays
reading       parsing of a JSON file into these arrays, and their cache
objects       parsing and checking of single annotations
runs          masks as run lengths
masks         masks as pixels
cache         cache files of arrays
============  ===================================================================
"""
