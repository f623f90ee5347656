"""A transform that writes to the images of the dataset."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_transforms():
    return [Entry("bad", "lemur_bad.things.transforms:AltersInput", ("img-classification",), "Bad")]
