"""A loader whose author does not write the files for its tests."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [
        Entry("bad", "lemur_bad.things.loaders:no_data_prepared", ("img-classification",), "Bad")
    ]
