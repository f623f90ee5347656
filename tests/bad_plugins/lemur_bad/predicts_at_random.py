"""A plugin whose estimator gives other estimates for the same scores."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_estimators():
    return [Entry("bad", "lemur_bad.things.estimators:DrawsAnew", summary="Bad")]
