"""A plugin whose exporter has an option without a default."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_exporters():
    return [Entry("bad", "lemur_bad.things.exporters:option_without_default", summary="Bad")]
