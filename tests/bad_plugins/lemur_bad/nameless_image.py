"""A loader whose targets have no image_id."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [Entry("bad", "lemur_bad.things.loaders:nameless_image", ("obj-detection",), "Bad")]
