"""A transform that does not return the size that its entry declares."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_transforms():
    return [
        Entry("bad", "lemur_bad.things.transforms:Good", ("img-classification",), "Bad", size=32)
    ]
