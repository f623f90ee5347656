"""A loader with boxes that extend beyond their image."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [Entry("bad", "lemur_bad.things.loaders:box_outside", ("obj-detection",), "Bad")]
