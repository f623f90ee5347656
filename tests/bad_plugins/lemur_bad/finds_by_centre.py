"""A detector whose boxes are not left, top, right and bottom."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.detectors:finds_by_centre", ("obj-detection",), "Bad")]
