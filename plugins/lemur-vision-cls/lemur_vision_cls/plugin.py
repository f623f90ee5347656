"""What lemur-vision-cls registers. Nothing here imports torch."""

from dataclasses import replace

from lemur_core import Entry, entries_in, hookimpl

TASKS = ("img-classification",)

# Height and width in pixels below which an architecture's last feature map vanishes.
MIN_SIZE = {"AlexNet": 64}
DEMO = ("ResNet", "ShuffleNet", "SqueezeNet-1")


@hookimpl
def lemur_register_nets():
    return [
        replace(entry, min_size=MIN_SIZE.get(entry.name, 32), demo=entry.name in DEMO)
        for entry in entries_in("lemur_vision_cls.nets", TASKS)
    ]
