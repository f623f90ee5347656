"""A net of another task, whose author does not override batch()."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.nets:for_another_task", ("txt-generation",), "Bad")]
