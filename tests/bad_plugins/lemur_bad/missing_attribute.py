"""A plugin whose entry names an attribute that is not there."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_estimators():
    return [Entry("bad", "lemur_bad.things.commands:nothing", summary="Bad")]
