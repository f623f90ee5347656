"""A net that declares a choice that it cannot be built with."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    target = "lemur_bad.things.nets:no_such_activation"
    return [Entry("Bad", target, ("img-classification",), "Bad")]
