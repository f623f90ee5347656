"""What lemur-vision-cls registers. Nothing here imports torch."""

from dataclasses import replace

from lemur_core import Entry, entries_in, hookimpl

TASKS = ("img-classification",)

# Height and width in pixels below which an architecture's last feature map vanishes.
MIN_SIZE = {"AlexNet": 64}
# They take complex64 images, which an entry cannot say: contract tests and searches give float32.
COMPLEX = ("ComplexNet",)
DEMO = ("ResNet", "ShuffleNet", "SqueezeNet-1")


@hookimpl
def lemur_register_nets():
    return [
        replace(entry, min_size=MIN_SIZE.get(entry.name, 32), demo=entry.name in DEMO)
        for entry in entries_in("lemur_vision_cls.nets", TASKS)
        if entry.name not in COMPLEX
    ]


@hookimpl
def lemur_register_loaders():
    digits, mnist = "lemur_vision_cls.loaders.digits", "lemur_vision_cls.loaders.mnist"
    return [
        Entry("digits", f"{digits}:load", TASKS, "1,797 digits, 8x8, embedded", size=8, demo=True),
        Entry("mnist", f"{mnist}:load", TASKS, "70,000 digits, 28x28", size=28),
        Entry("mnist-10k", f"{mnist}:load_10k", TASKS, "MNIST's test images alone", size=28),
    ]


@hookimpl
def lemur_register_transforms():
    norm, echo = "lemur_vision_cls.transforms.norm", "lemur_vision_cls.transforms.echo"
    return [
        Entry("norm_32", f"{norm}:norm_32", TASKS, "Resized, normalised", size=32, demo=True),
        Entry("norm_64", f"{norm}:norm_64", TASKS, "Resized, normalised", size=64),
        Entry("norm_32_flip", f"{norm}:norm_32_flip", TASKS, "Mirrored at random too", size=32),
        Entry("echo", f"{echo}:Echo", TASKS, "Scaled to 0..1, at its own size"),
    ]


@hookimpl
def lemur_register_metrics():
    accuracy = "lemur_vision_cls.metrics.acc:Accuracy"
    return [Entry("acc", accuracy, TASKS, "Top-1 accuracy", demo=True)]
