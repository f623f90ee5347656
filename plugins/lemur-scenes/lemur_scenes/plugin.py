"""The entries of lemur-scenes. This module does not import torch."""

from lemur_core import Entry, hookimpl
from lemur_scenes.transforms.sizes import RANGE, SIZES

SEGMENTATION = ("img-segmentation",)
RANDOM = ("randscale", "jitter")
BOTH = (*SEGMENTATION, "obj-detection")


@hookimpl
def lemur_register_loaders() -> list[Entry]:
    return [
        Entry(
            "digits-scenes",
            "lemur_scenes.loaders.digits_scenes:load",
            BOTH,
            "1,000 scenes of handwritten digits, 128x128, embedded",
            size=128,
            options=("size", "count"),
            demo=True,
        ),
        Entry(
            "coco",
            "lemur_scenes.loaders.coco:load",
            BOTH,
            "COCO 2017: photographs, 80 categories of objects; by default LEMUR's five",
            options=("categories", "min-pixels", "masks", "objects-only"),
        ),
        *(
            Entry(name, f"lemur_scenes.loaders.{module}:load", tasks, summary)
            for name, module, tasks, summary in (
                ("voc-2012", "voc", BOTH, "Pascal VOC 2012: photographs, 20 classes of objects"),
                ("oxford-iiit-pet", "pet", SEGMENTATION, "7,349 photographs of cats and dogs"),
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
            sizes=RANGE,
            demo=(family, size, end) == ("resize", 64, ""),
            random=family in RANDOM or end == "_flip",
        )
        for family, operation in (
            ("resize", "Resize"),
            ("pad", "Resize in proportion and pad"),
            ("randscale", "Scale and crop randomly"),
            ("jitter", "Resize and change colours randomly"),
        )
        for end, summary in (
            ("", f"{operation}, normalise"),
            ("_flip", f"{operation}, flip randomly, normalise"),
        )
        for size in SIZES
    ]
