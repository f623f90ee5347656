"""A loader that names missing files."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [
        Entry("bad", "lemur_bad.things.loaders:names_missing_files", ("img-classification",), "Bad")
    ]
