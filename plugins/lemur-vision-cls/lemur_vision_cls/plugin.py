"""The entries of lemur-vision-cls. Nothing here imports torch."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lemur_core import Entry, entries_in, hookimpl
from lemur_vision_cls.transforms.sizes import RANGE, SIZES

TASKS = ("img-classification",)

# Minimum height and width in pixels; on smaller images the last feature map would be empty.
MIN_SIZE = {"AlexNet": 64, "CNN-S": 28, "InceptionV3-1": 75, "InceptionV3-2": 299, "MaxVit": 64}
COMPLEX = ("ComplexNet",)
DEMO = ("ShuffleNet", "SqueezeNet-1", "SqueezeNet-2")


@hookimpl
def lemur_register_nets() -> list[Entry]:
    return [
        replace(
            entry,
            min_size=MIN_SIZE.get(entry.name, 32),
            dtype="complex64" if entry.name in COMPLEX else "float32",
            demo=entry.name in DEMO,
        )
        for entry in entries_in("lemur_vision_cls.nets", TASKS)
    ]


@hookimpl
def lemur_register_loaders() -> list[Entry]:
    loaders = "lemur_vision_cls.loaders"
    return [
        Entry(
            name,
            f"{loaders}.{target}",
            TASKS,
            summary,
            size=size,
            demo=name == "digits",
            image_sizes=f"{loaders}.image_sizes:of_folder" if name == "folder" else None,
            options=("size",) if name == "mlc2008" else (),
        )
        for name, target, size, summary in (
            ("digits", "digits:load", 8, "1,797 digits, 8x8, embedded"),
            ("mnist", "mnist:load", 28, "70,000 digits, 28x28"),
            ("mnist-10k", "mnist:load_10k", 28, "Only MNIST's test images"),
            ("fashion-mnist", "mnist:load_fashion", 28, "70,000 articles of clothing, 28x28"),
            ("usps", "usps:load", 16, "9,298 digits from envelopes, 16x16"),
            ("svhn", "svhn:load", 32, "99,289 digits of house numbers, 32x32"),
            ("cifar-10", "cifar:cifar_10", 32, "60,000 photographs of 10 classes, 32x32"),
            ("cifar-100", "cifar:cifar_100", 32, "60,000 photographs of 100 classes, 32x32"),
            ("stl-10", "stl:load", 96, "13,000 photographs of 10 classes, 96x96"),
            ("eurosat", "eurosat:load", 64, "27,000 satellite images of 10 classes, 64x64"),
            ("tiny-imagenet", "imagenet:tiny_imagenet", 64, "110,000 images, 200 classes, 64x64"),
            ("imagenette", "imagenet:imagenette", None, "13,394 images of 10 easy classes, 320 px"),
            ("imagenet-1k", "imagenet:load_imagenet", None, "1,331,167 images of 1,000 classes"),
            ("places365", "places:load", 256, "1,839,960 photographs of 365 places, 256x256"),
            ("celeba-gender", "celeba:load", None, "202,599 faces of 2 classes, 178x218"),
            ("concrete", "concrete:load", 227, "40,000 photographs of concrete, 227x227"),
            ("ham10000", "ham10000:load", None, "10,015 skin lesions, 7 diagnoses, 600x450"),
            ("insects", "insects:load", None, "63,364 ground beetles, 291 species"),
            ("mlc2008", "mlc2008:load", 312, "Points in 671 photographs of reefs, 312x312"),
            ("natural", "natural:load", None, "17,034 photographs of 6 kinds of scenes, 150 px"),
            ("powerline", "powerline:load", 128, "8,000 aerial images, with power lines or not"),
            ("folder", "folder:load", None, "Your own images, a folder for each class"),
        )
    ]


@hookimpl
def lemur_register_transforms() -> list[Entry]:
    return [
        *_sized("norm", "norm", "Resized, normalised"),
        *_sized("echo", "echo", "Scaled to 0..1"),
        *_sized("complex", "complex", "Scaled to 0..1, complex", dtype="complex64"),
        *_sized("randcrop", "randcrop_flip", "Shifted and mirrored, normalised", random=True),
        *_sized("augment", "trivialaugment", "One operation, normalised", random=True),
        *_sized("augment", "randaugment", "Two operations, normalised", random=True),
        *_sized("mixing", "mixup", "Normalised, images blended", random=True),
        *_sized("mixing", "cutmix", "Normalised, images patched", random=True),
        _transform("norm", "norm", "Normalised, at its own size"),
        _transform("norm", "norm_flip", "The same, mirrored at random", random=True),
        _transform("echo", "echo", "Scaled to 0..1, at its own size"),
        _transform("echo", "echo_flip", "The same, mirrored at random", random=True),
    ]


def _sized(
    module: str, family: str, summary: str, *, random: bool = False, **options: Any
) -> Iterator[Entry]:
    """Yield the entries of a family of transforms, one per size, and mirrored ones.

    A family that is random is not mirrored.
    """
    for size in SIZES:
        demo = f"{family}_{size}" == "norm_32"
        name, facts = f"{family}_{size}", {"size": size, "sizes": RANGE, **options}
        yield _transform(module, name, summary, demo=demo, random=random, **facts)
        if not random:
            mirrored = f"{summary}, mirrored at random"
            yield _transform(module, f"{name}_flip", mirrored, random=True, **facts)


def _transform(module: str, name: str, summary: str, **options: Any) -> Entry:
    target = f"lemur_vision_cls.transforms.{module}:{name}"
    return Entry(name, target, TASKS, summary, **options)


@hookimpl
def lemur_register_metrics() -> list[Entry]:
    metrics = "lemur_vision_cls.metrics"
    return [
        Entry("acc", f"{metrics}.accuracy:acc", TASKS, "Top-1 accuracy", demo=True),
        Entry("acc5", f"{metrics}.accuracy:acc5", TASKS, "Top-5 accuracy"),
        Entry("f1", f"{metrics}.f1:MacroF1", TASKS, "F1, averaged over the classes"),
        Entry("ece", f"{metrics}.calibration:Calibration", TASKS, "1 - calibration error"),
        Entry(
            "mae",
            f"{metrics}.class_distance:MeanAbsoluteError",
            TASKS,
            "Mean distance between predicted and true class; lower is better",
            higher_is_better=False,
        ),
        Entry(
            "rmse",
            f"{metrics}.class_distance:RootMeanSquaredError",
            TASKS,
            "Root mean squared distance between predicted and true class; lower is better",
            higher_is_better=False,
        ),
    ]
