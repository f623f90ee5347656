"""A net whose range cannot be read."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.nets:unreadable_range", ("img-classification",), "Bad")]
