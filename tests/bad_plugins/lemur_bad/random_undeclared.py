"""A transform that draws random numbers, which its entry does not say."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_transforms():
    return [Entry("bad", "lemur_bad.things.transforms:Noisy", ("img-classification",), "Bad")]
