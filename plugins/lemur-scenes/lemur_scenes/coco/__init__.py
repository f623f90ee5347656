"""Scenes in COCO's format: a folder of images, and a JSON of the objects in them.

Lin et al.: Microsoft COCO: Common Objects in Context, ECCV 2014; the format is the one of
https://cocodataset.org/#format-data. `scenes.coco_scenes` is where to begin.

===========  ===================================================================
scenes       the samples, for segmentation and detection
categories   which categories are chosen, and their classes
accepted     which images are taken, and that list in a file
nothing      what to say where no image has an object
annotations  what a JSON says, as arrays, and those in a file
reading      from the JSON to those arrays
objects      what one annotation says, checked
runs         masks in run lengths
masks        masks in pixels
kept         arrays in a file that is remade when it is no longer right
===========  ===================================================================
"""
