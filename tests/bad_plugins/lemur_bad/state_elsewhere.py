"""A net that keeps what it learns outside its state."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.nets:state_elsewhere", ("img-classification",), "Bad")]
