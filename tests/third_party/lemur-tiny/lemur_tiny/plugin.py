"""What lemur-tiny registers. Nothing here imports torch."""

from lemur_core import Entry, entries_in, hookimpl

TASKS = ("img-classification",)


@hookimpl
def lemur_register_nets():
    return entries_in("lemur_tiny.nets", TASKS)


@hookimpl
def lemur_register_metrics():
    return [Entry("top3", "lemur_tiny.top3:TopThree", TASKS, "True class among the first three")]
