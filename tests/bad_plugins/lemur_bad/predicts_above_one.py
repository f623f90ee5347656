"""A plugin whose estimator predicts what is no score."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_estimators():
    return [Entry("bad", "lemur_bad.things.estimators:AboveOne", summary="Bad")]
