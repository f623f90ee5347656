"""A net whose dropout does not stop for scoring."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [
        Entry("Bad", "lemur_bad.things.nets:drops_out_when_scored", ("img-classification",), "Bad")
    ]
