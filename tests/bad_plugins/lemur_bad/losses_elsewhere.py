"""A detector whose losses hang on what its state does not hold."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.detectors:losses_elsewhere", ("obj-detection",), "Bad")]
