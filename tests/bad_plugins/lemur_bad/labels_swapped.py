"""A transform that gives objects the labels of others."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_transforms():
    return [Entry("bad", "lemur_bad.things.transforms:SwapsLabels", ("obj-detection",), "Bad")]
