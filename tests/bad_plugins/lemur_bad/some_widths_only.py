"""A net whose width must be a multiple of its heads, and whose range is not."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_nets():
    target = "lemur_bad.things.nets:some_widths_only"
    return [Entry("Bad", target, ("img-classification",), "Bad")]
