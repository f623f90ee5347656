"""A detector that returns fewer labels than boxes."""

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
