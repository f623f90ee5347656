"""A metric that is not what was computed by hand."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_metrics():
    return [Entry("bad", "lemur_bad.things.metrics:WrongScore", ("img-classification",), "Bad")]
