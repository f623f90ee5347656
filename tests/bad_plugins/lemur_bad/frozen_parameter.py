"""A net with a parameter that it does not use."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.nets:frozen_parameter", ("img-classification",), "Bad")]
