"""The entries of lemur-seg. Nothing here imports torch."""

from dataclasses import replace

from lemur_core import Entry, entries_in, hookimpl

TASKS = ("img-segmentation",)

# Height and width in pixels. On smaller images, the five halvings of VGG-16 and SegFormer leave no
# pixel, and the four of a U-Net leave too few for batch normalisation.
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
            "Intersection over union, mean of the classes",
            demo=True,
        ),
        Entry("dice", f"{metrics}:Dice", TASKS, "Dice coefficient, mean of the classes"),
        Entry(
            "pixacc", f"{metrics}:PixelAccuracy", TASKS, "Fraction of correctly classified pixels"
        ),
    ]
