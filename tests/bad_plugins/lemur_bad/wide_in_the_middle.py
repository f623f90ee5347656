"""A net that gives another shape with one of the values that it declares."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    target = "lemur_bad.things.nets:wide_in_the_middle"
    return [Entry("Bad", target, ("img-classification",), "Bad")]
