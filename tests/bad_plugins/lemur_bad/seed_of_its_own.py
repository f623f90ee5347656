"""A net whose weights ignore the seed."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.nets:seed_of_its_own", ("img-classification",), "Bad")]
