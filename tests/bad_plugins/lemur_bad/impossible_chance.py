"""A loader whose chance score is above 1."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [
        Entry("bad", "lemur_bad.things.loaders:impossible_chance", ("img-classification",), "Bad")
    ]
