"""A loader whose images are scaled already."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [Entry("bad", "lemur_bad.things.loaders:float_images", ("img-classification",), "Bad")]
