"""A plugin whose entry names a missing module."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.nowhere", ("img-classification",), "Bad")]
