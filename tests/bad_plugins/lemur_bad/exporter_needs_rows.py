"""A plugin whose exporter fails if there are no results."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_exporters():
    return [Entry("bad", "lemur_bad.things.exporters:needs_rows", summary="Bad")]
