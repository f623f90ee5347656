"""A transform that returns values that are not finite."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_transforms():
    return [Entry("bad", "lemur_bad.things.transforms:NotFinite", ("img-classification",), "Bad")]
