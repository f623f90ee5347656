"""A plugin whose importer recognises anything."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_importers():
    return [Entry("bad", "lemur_bad.things.importers:Anything", summary="Bad")]
