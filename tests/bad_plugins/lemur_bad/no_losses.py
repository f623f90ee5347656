"""A detector that returns a list of losses."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.detectors:no_losses", ("obj-detection",), "Bad")]
