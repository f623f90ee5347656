"""A net with dropout in evaluation mode."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [
        Entry("Bad", "lemur_bad.things.nets:drops_out_when_scored", ("img-classification",), "Bad")
    ]
