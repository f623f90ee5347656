"""A transform that writes into the data set's images."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_transforms():
    return [Entry("bad", "lemur_bad.things.transforms:AltersInput", ("img-classification",), "Bad")]
