"""A loader that does not say where files are missing."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [
        Entry("bad", "lemur_bad.things.loaders:silent_about_files", ("img-classification",), "Bad")
    ]
