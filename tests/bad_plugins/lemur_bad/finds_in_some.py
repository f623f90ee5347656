"""A detector that returns no output for some images."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.detectors:finds_in_some", ("obj-detection",), "Bad")]
