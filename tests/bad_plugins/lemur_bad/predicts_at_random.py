"""A plugin whose estimator says something else of the same trial."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_estimators():
    return [Entry("bad", "lemur_bad.things.estimators:DrawsAnew", summary="Bad")]
