"""A plugin whose estimator predicts scores above 1."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_estimators():
    return [Entry("bad", "lemur_bad.things.estimators:AboveOne", summary="Bad")]
