"""A transform that moves boxes out of the image."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_transforms():
    return [Entry("bad", "lemur_bad.things.transforms:PushesBoxesOut", ("obj-detection",), "Bad")]
