"""A transform that does not exist in the sizes that its entry declares."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_transforms():
    transform = "lemur_bad.things.transforms:bad_28"
    return [Entry("bad_28", transform, ("img-classification",), "Bad", size=28, sizes=(28, 64))]
