"""A loader whose batches are drawn at random."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [
        Entry("bad", "lemur_bad.things.loaders:batches_at_random", ("img-classification",), "Bad")
    ]
