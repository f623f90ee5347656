"""A plugin whose author has no sample for its importer."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_importers():
    return [Entry("bad", "lemur_bad.things.importers:Good", summary="Bad")]
