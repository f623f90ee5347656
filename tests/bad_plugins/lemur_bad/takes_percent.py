"""A plugin whose estimator takes percent for scores."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_estimators():
    return [Entry("bad", "lemur_bad.things.estimators:TakesPercent", summary="Bad")]
