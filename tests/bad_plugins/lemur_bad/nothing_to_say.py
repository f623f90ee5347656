"""A plugin whose entry has no summary, in a module without a docstring."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_commands():
    return [Entry("bad", "lemur_bad.things.commands:good")]
