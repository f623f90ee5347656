"""A transform that drops the objects."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_transforms():
    return [Entry("bad", "lemur_bad.things.transforms:DropsBoxes", ("obj-detection",), "Bad")]
