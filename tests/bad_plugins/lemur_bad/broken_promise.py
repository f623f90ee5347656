"""A loader whose images are not of the size that its entry promises."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [
        Entry(
            "bad",
            "lemur_bad.things.loaders:broken_promise",
            ("img-classification",),
            "Bad",
            size=28,
        )
    ]
