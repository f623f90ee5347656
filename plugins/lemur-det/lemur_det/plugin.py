"""The entries of lemur-det. Nothing here imports torch."""

from dataclasses import replace

from lemur_core import Entry, entries_in, hookimpl

TASKS = ("obj-detection",)

# Height and width in pixels. At this size, the maps after five halvings are 1x1.
MIN_SIZE = 32
DEMO = "FCOS-S"


@hookimpl
def lemur_register_nets() -> list[Entry]:
    return [
        replace(entry, min_size=MIN_SIZE, demo=entry.name == DEMO)
        for entry in entries_in("lemur_det.nets", TASKS)
    ]


@hookimpl
def lemur_register_metrics() -> list[Entry]:
    metrics = "lemur_det.metrics.coco"
    return [
        Entry(
            "map", f"{metrics}:AveragePrecision50", TASKS, "Average precision at IoU 0.5", demo=True
        ),
        Entry("map5095", f"{metrics}:AveragePrecision", TASKS, "Average precision at 0.5 to 0.95"),
        Entry("mar", f"{metrics}:AverageRecall", TASKS, "Average recall at IoU 0.5 to 0.95"),
    ]
