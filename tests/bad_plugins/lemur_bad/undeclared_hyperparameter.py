"""A net that reads a hyperparameter it does not declare."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [
        Entry(
            "Bad", "lemur_bad.things.nets:undeclared_hyperparameter", ("img-classification",), "Bad"
        )
    ]
