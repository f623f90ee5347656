"""A net whose outputs have another shape with one of the declared values."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    target = "lemur_bad.things.nets:wide_in_the_middle"
    return [Entry("Bad", target, ("img-classification",), "Bad")]
