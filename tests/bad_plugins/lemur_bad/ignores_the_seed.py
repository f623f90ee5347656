"""A transform with a generator of its own."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_transforms():
    return [
        Entry("bad", "lemur_bad.things.transforms:IgnoresTheSeed", ("img-classification",), "Bad")
    ]
