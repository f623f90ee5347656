"""A detector that returns a single dictionary for all images."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [
        Entry("Bad", "lemur_bad.things.detectors:finds_in_all_at_once", ("obj-detection",), "Bad")
    ]
