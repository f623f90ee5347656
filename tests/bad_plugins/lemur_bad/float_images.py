"""A loader whose images are floating-point numbers."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [Entry("bad", "lemur_bad.things.loaders:float_images", ("img-classification",), "Bad")]
