"""A transform that does not give the size that its entry promises."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_transforms():
    return [
        Entry("bad", "lemur_bad.things.transforms:Good", ("img-classification",), "Bad", size=32)
    ]
