"""A net whose outputs differ when it is scored again."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [
        Entry(
            "Bad", "lemur_bad.things.nets:differs_when_scored_again", ("img-classification",), "Bad"
        )
    ]
