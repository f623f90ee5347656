"""A net whose gradients are not finite."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.nets:infinite_gradient", ("img-classification",), "Bad")]
