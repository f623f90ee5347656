"""A detector that returns no scores."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [
        Entry("Bad", "lemur_bad.things.detectors:finds_without_scores", ("obj-detection",), "Bad")
    ]
