"""A loader with an object of the background class."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [
        Entry("bad", "lemur_bad.things.loaders:label_of_the_background", ("obj-detection",), "Bad")
    ]
