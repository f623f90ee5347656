"""A net whose control flow depends on the values of its inputs."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [
        Entry("Bad", "lemur_bad.things.nets:branches_on_values", ("img-classification",), "Bad")
    ]
