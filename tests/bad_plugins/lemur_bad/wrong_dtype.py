"""A transform that returns float64."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_transforms():
    return [Entry("bad", "lemur_bad.things.transforms:WrongType", ("img-classification",), "Bad")]
