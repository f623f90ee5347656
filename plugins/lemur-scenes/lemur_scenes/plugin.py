"""What lemur-scenes registers. Nothing here imports torch."""

from lemur_core import Entry, hookimpl
from lemur_scenes.transforms.sizes import SIZES

SEGMENTATION = ("img-segmentation",)
BOTH = (*SEGMENTATION, "obj-detection")


@hookimpl
def lemur_register_loaders() -> list[Entry]:
    return [
        Entry(
            "digits-scenes",
            "lemur_scenes.loaders.digits_scenes:load",
            BOTH,
            "Scenes of handwritten digits, embedded: 1,000, 128x128",
            size=128,
            options=("size", "count"),
            demo=True,
        ),
        Entry(
            "coco",
            "lemur_scenes.loaders.coco:load",
            BOTH,
            "COCO 2017: photographs, 80 categories of objects, by default LEMUR's five",
            options=("categories", "min-pixels", "masks", "objects-only"),
        ),
        *(
            Entry(name, f"lemur_scenes.loaders.{module}:load", tasks, summary)
            for name, module, tasks, summary in (
                ("voc-2012", "voc", BOTH, "Pascal VOC 2012: photographs, 20 classes of objects"),
                ("oxford-iiit-pet", "pet", SEGMENTATION, "7,349 photographs, animals cut out"),
            )
        ),
    ]


@hookimpl
def lemur_register_transforms() -> list[Entry]:
    return [
        Entry(
            f"{family}_{size}{end}",
            f"lemur_scenes.transforms.joint:{family}_{size}{end}",
            BOTH,
            summary,
            size=size,
            demo=(family, size, end) == ("resize", 64, ""),
        )
        for family, does in (
            ("resize", "Resized"),
            ("pad", "Resized in proportion, padded"),
            ("randscale", "Scaled and cropped at random"),
            ("jitter", "Resized, its colours changed at random"),
        )
        for end, summary in (
            ("", f"{does}, normalised"),
            ("_flip", f"{does}, mirrored at random, normalised"),
        )
        for size in SIZES
    ]
