"""A net that overflows with the greatest value that it declares."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    target = "lemur_bad.things.nets:overflows_when_large"
    return [Entry("Bad", target, ("img-classification",), "Bad")]
