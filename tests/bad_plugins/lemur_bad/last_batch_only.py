"""A metric that only scores the last batch."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_metrics():
    return [Entry("bad", "lemur_bad.things.metrics:LastBatchOnly", ("img-classification",), "Bad")]
