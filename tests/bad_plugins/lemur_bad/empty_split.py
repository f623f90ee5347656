"""A loader, for any task, with an empty test split."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    return [Entry("bad", "lemur_bad.things.loaders:empty_split", summary="Bad")]
