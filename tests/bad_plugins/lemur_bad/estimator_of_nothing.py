"""A plugin whose estimator cannot be called."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_estimators():
    return [Entry("bad", "lemur_bad.things.commands", summary="Bad")]
