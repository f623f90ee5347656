"""A loader of grey images with the normalisation of colour ones."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [
        Entry(
            "bad", "lemur_bad.things.loaders:normalised_as_colour", ("img-classification",), "Bad"
        )
    ]
