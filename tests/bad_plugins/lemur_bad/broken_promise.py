"""A loader whose images do not have the size that its entry declares."""

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
