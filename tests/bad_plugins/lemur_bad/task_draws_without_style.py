"""A task whose drawer takes no style."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_tasks():
    return [Entry("bad", "lemur_bad.things.tasks:DrawsWithoutStyle", summary="Bad")]
