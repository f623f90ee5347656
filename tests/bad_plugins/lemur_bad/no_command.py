"""A plugin whose command is not one of click's."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_commands():
    return [Entry("bad", "lemur_bad.things.commands:bad", summary="Bad")]
