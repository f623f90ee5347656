"""A transform that its entry calls random, and that draws no random numbers."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_transforms():
    target, tasks = "lemur_bad.things.transforms:Good", ("img-classification",)
    return [Entry("bad", target, tasks, "Bad", random=True)]
