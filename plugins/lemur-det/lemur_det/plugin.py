"""What lemur-det registers. Nothing here imports torch."""

from dataclasses import replace

from lemur_core import entries_in, hookimpl

TASKS = ("obj-detection",)

# Height and width in pixels; the maps of five halvings are one by one.
MIN_SIZE = 32


@hookimpl
def lemur_register_nets():
    return [replace(entry, min_size=MIN_SIZE) for entry in entries_in("lemur_det.nets", TASKS)]
