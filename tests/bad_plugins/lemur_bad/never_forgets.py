"""A metric whose reset() does nothing."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_metrics():
    return [Entry("bad", "lemur_bad.things.metrics:NeverForgets", ("img-classification",), "Bad")]
