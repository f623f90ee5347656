"""A plugin whose exporter writes no file."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_exporters():
    return [Entry("bad", "lemur_bad.things.exporters:writes_nothing", summary="Bad")]
