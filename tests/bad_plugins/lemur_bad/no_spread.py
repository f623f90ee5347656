"""A loader whose standard deviation is 0, by which transforms divide."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [Entry("bad", "lemur_bad.things.loaders:no_spread", ("img-classification",), "Bad")]
