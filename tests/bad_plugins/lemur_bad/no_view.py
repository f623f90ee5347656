"""A plugin whose view is not one of click's."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_views():
    return [Entry("bad", "lemur_bad.things.commands:bad", summary="Bad")]
