"""A loader with a target beyond its classes."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [
        Entry("bad", "lemur_bad.things.loaders:target_out_of_range", ("img-classification",), "Bad")
    ]
