"""A plugin whose estimator fails without losses."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_estimators():
    return [Entry("bad", "lemur_bad.things.estimators:NeedsLosses", summary="Bad")]
