"""A net that declares a hyperparameter and never reads it."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [
        Entry("Bad", "lemur_bad.things.nets:unread_hyperparameter", ("img-classification",), "Bad")
    ]
