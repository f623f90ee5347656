"""A plugin whose importer yields accuracies in percent."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_importers():
    return [Entry("bad", "lemur_bad.things.importers:Percent", summary="Bad")]
