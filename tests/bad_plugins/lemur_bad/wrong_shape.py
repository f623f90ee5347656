"""A net whose outputs do not have the shape of its task."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.nets:wrong_shape", ("img-classification",), "Bad")]
