"""A plugin whose entry names a module that is not there."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.nowhere", ("img-classification",), "Bad")]
