"""A transform that makes a mask smaller by averaging the classes of its pixels."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_transforms():
    return [Entry("bad", "lemur_bad.things.transforms:InventsClass", ("img-segmentation",), "Bad")]
