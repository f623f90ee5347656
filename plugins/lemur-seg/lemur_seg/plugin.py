"""What lemur-seg registers. Nothing here imports torch."""

from dataclasses import replace

from lemur_core import Entry, entries_in, hookimpl

TASKS = ("img-segmentation",)

# Height and width in pixels; below it the five halvings of VGG-16 and SegFormer leave nothing, and
# the four of a U-Net less than batch normalisation can take.
MIN_SIZE = 32
DEMO = "UNet-S"


@hookimpl
def lemur_register_nets() -> list[Entry]:
    return [
        replace(entry, min_size=MIN_SIZE, demo=entry.name == DEMO)
        for entry in entries_in("lemur_seg.nets", TASKS)
    ]


@hookimpl
def lemur_register_metrics() -> list[Entry]:
    metrics = "lemur_seg.metrics.confusion"
    return [
        Entry(
            "iou",
            f"{metrics}:MeanIoU",
            TASKS,
            "Intersection over union, mean of classes",
            demo=True,
        ),
        Entry("dice", f"{metrics}:Dice", TASKS, "Dice coefficient, mean of classes"),
        Entry("pixacc", f"{metrics}:PixelAccuracy", TASKS, "Share of pixels that are right"),
    ]
