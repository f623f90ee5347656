"""A detector that returns a tuple instead of a dictionary."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.detectors:finds_pairs", ("obj-detection",), "Bad")]
