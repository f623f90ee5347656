"""A detector that finds a class that is none of the data set's."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [
        Entry("Bad", "lemur_bad.things.detectors:finds_unknown_class", ("obj-detection",), "Bad")
    ]
