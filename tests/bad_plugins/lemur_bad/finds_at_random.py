"""A detector with random scores, which detects nothing with the middle value of its threshold."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.detectors:finds_at_random", ("obj-detection",), "Bad")]
