"""A plugin whose exporter cannot be called."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_exporters():
    return [Entry("bad", "lemur_bad.things.commands", summary="Bad")]
