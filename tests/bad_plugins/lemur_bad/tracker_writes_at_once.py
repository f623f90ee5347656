"""A plugin whose tracker writes a file when it is created."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_trackers():
    return [Entry("bad", "lemur_bad.things.trackers:WritesAtOnce", summary="Bad")]
