"""A loader whose masks do not fit its images."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [
        Entry("bad", "lemur_bad.things.loaders:masks_of_another_size", ("obj-detection",), "Bad")
    ]
