"""A plugin whose estimator accepts scores in percent."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_estimators():
    return [Entry("bad", "lemur_bad.things.estimators:TakesPercent", summary="Bad")]
