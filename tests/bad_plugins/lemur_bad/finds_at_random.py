"""A detector that draws its scores, and finds nothing where its threshold is halfway."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.detectors:finds_at_random", ("obj-detection",), "Bad")]
