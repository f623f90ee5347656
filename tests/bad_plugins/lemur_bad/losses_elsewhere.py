"""A detector whose losses depend on something outside its state."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.detectors:losses_elsewhere", ("obj-detection",), "Bad")]
