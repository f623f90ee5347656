"""A metric whose score differs from the one computed by hand."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_metrics():
    return [Entry("bad", "lemur_bad.things.metrics:WrongScore", ("img-classification",), "Bad")]
