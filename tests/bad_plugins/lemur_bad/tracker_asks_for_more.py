"""A plugin whose tracker has an option without a default."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_trackers():
    return [Entry("bad", "lemur_bad.things.trackers:OptionWithoutDefault", summary="Bad")]
