"""A plugin whose entry names a missing attribute."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_estimators():
    return [Entry("bad", "lemur_bad.things.commands:nothing", summary="Bad")]
