"""A task that is a function."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_tasks():
    return [Entry("bad", "lemur_bad.things.tasks:no_task", summary="Bad")]
