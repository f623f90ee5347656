"""A net whose learn() gives a loss that is not finite."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.nets:infinite_loss", ("img-classification",), "Bad")]
