"""A metric that counts hits and does not divide them."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_metrics():
    return [Entry("bad", "lemur_bad.things.metrics:AboveOne", ("img-classification",), "Bad")]
