"""A task that names the columns of its predictions, but has no rows."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_tasks():
    return [Entry("bad", "lemur_bad.things.tasks:HasNoRows", summary="Bad")]
