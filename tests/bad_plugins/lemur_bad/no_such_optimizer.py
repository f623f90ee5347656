"""A net that declares an optimizer that it cannot be trained with."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    target = "lemur_bad.things.nets:no_such_optimizer"
    return [Entry("Bad", target, ("img-classification",), "Bad")]
