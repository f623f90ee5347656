"""A detector whose losses do not depend on its scores."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.detectors:unlearned_score", ("obj-detection",), "Bad")]
