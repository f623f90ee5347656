"""A transform that resizes masks by the pixels at the upper left corners."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_transforms():
    target = "lemur_bad.things.transforms:MaskFromTheCorner"
    return [Entry("bad", target, ("img-segmentation",), "Bad", size=64)]
