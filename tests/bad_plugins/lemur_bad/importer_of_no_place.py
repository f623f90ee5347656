"""A plugin whose importer does not recognise its own format."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_importers():
    return [Entry("bad", "lemur_bad.things.importers:NoPlace", summary="Bad")]
