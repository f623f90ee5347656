"""A loader whose boxes are of the wrong type."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [
        Entry("bad", "lemur_bad.things.loaders:whole_numbers_for_boxes", ("obj-detection",), "Bad")
    ]
