"""A detector that returns a class that the dataset does not have."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [
        Entry("Bad", "lemur_bad.things.detectors:finds_unknown_class", ("obj-detection",), "Bad")
    ]
