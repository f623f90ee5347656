"""A transform that draws at random when nets are scored."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_transforms():
    return [
        Entry("bad", "lemur_bad.things.transforms:RandomInEval", ("img-classification",), "Bad")
    ]
