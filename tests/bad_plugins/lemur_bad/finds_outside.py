"""A detector whose boxes extend beyond the image."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.detectors:finds_outside", ("obj-detection",), "Bad")]
