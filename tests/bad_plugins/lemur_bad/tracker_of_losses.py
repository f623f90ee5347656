"""A plugin whose tracker fails for nets without a loss."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_trackers():
    return [Entry("bad", "lemur_bad.things.trackers:NeedsLosses", summary="Bad")]
