"""A loader that splits differently each time."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [Entry("bad", "lemur_bad.things.loaders:unseeded_split", ("img-classification",), "Bad")]
