"""A plugin whose estimator has an option without a default."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_estimators():
    return [Entry("bad", "lemur_bad.things.estimators:OptionWithoutDefault", summary="Bad")]
