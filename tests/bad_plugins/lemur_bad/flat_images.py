"""A loader whose images have no channels."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [Entry("bad", "lemur_bad.things.loaders:flat_images", ("img-classification",), "Bad")]
