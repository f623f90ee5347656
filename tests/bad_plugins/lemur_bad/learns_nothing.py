"""A net whose learn() changes nothing."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.nets:learns_nothing", ("img-classification",), "Bad")]
