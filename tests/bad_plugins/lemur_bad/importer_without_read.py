"""A plugin whose importer cannot read."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_importers():
    return [Entry("bad", "lemur_bad.things.importers:without_read", summary="Bad")]
