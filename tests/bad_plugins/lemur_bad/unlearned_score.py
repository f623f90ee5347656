"""A detector that learns where objects are and not how sure it is."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [Entry("Bad", "lemur_bad.things.detectors:unlearned_score", ("obj-detection",), "Bad")]
