"""What lemur-tiny registers. Nothing here imports torch."""

from lemur_core import Entry, Kind, entries_in, hookimpl

TASKS = ("img-classification",)


@hookimpl
def lemur_register_nets():
    return entries_in("lemur_tiny.nets", TASKS)


@hookimpl
def lemur_register_metrics():
    return [Entry("top3", "lemur_tiny.top3:TopThree", TASKS, "True class among the first three")]


@hookimpl
def lemur_register_exporters():
    return [Entry("tiny-markdown", "lemur_tiny.markdown:export")]


@hookimpl
def lemur_register_importers():
    return [Entry("scores", "lemur_tiny.scores")]


@hookimpl
def lemur_register_kinds():
    return [
        Kind(
            "zoo",
            "lemur_register_zoos",
            "lemur_tiny.zoos",
            "A population of nets",
            details="lemur_tiny.details:of_zoo",
            rules="lemur_tiny.zoo_rules:ZooRules",
        )
    ]


@hookimpl
def lemur_register_zoos():
    return [Entry("rates", "lemur_tiny.zoos:learning_rates", summary="Three learning rates")]
