"""A plugin whose importer yields other records each time."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_importers():
    return [Entry("bad", "lemur_bad.things.importers:AtRandom", summary="Bad")]
