"""A loader whose training split grows."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [
        Entry("bad", "lemur_bad.things.loaders:one_more_each_time", ("img-classification",), "Bad")
    ]
