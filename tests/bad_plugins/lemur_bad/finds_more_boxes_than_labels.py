"""A detector that does not say of each box what it is."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    return [
        Entry(
            "Bad",
            "lemur_bad.things.detectors:finds_more_boxes_than_labels",
            ("obj-detection",),
            "Bad",
        )
    ]
