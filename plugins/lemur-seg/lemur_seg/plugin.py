"""What lemur-seg registers. Nothing here imports torch."""

from lemur_core import Entry, hookimpl

TASKS = ("img-segmentation",)


@hookimpl
def lemur_register_metrics():
    metrics = "lemur_seg.metrics.confusion"
    return [
        Entry("iou", f"{metrics}:MeanIoU", TASKS, "Intersection over union, mean of classes"),
        Entry("dice", f"{metrics}:Dice", TASKS, "Dice coefficient, mean of classes"),
        Entry("pixacc", f"{metrics}:PixelAccuracy", TASKS, "Share of pixels that are right"),
    ]
