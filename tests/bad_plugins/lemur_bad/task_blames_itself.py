"""A task whose own batch has wrong labels."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_tasks():
    return [Entry("bad", "lemur_bad.things.tasks:BlamesItself", summary="Bad")]
