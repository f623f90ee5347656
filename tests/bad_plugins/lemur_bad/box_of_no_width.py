"""A loader with a box without width."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [Entry("bad", "lemur_bad.things.loaders:box_of_no_width", ("obj-detection",), "Bad")]
