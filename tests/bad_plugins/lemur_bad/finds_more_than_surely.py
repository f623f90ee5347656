"""A detector with scores above 1."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [
        Entry("Bad", "lemur_bad.things.detectors:finds_more_than_surely", ("obj-detection",), "Bad")
    ]
