"""A transform that mirrors images and leaves boxes where they were."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_transforms():
    return [Entry("bad", "lemur_bad.things.transforms:LeavesBoxes", ("obj-detection",), "Bad")]
