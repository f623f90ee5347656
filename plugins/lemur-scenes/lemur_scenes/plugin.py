"""What lemur-scenes registers. Nothing here imports torch."""

from lemur_core import Entry, hookimpl
from lemur_scenes.transforms.sizes import SIZES

BOTH = ("img-segmentation", "obj-detection")


@hookimpl
def lemur_register_transforms():
    return [
        Entry(
            f"{family}_{size}{end}",
            f"lemur_scenes.transforms.joint:{family}_{size}{end}",
            BOTH,
            summary,
            size=size,
            demo=(family, size, end) == ("resize", 128, ""),
        )
        for family, end, summary in (
            ("resize", "", "Resized, normalised"),
            ("resize", "_flip", "Resized, mirrored at random, normalised"),
            ("pad", "", "Resized in proportion, padded, normalised"),
            ("pad", "_flip", "Resized in proportion, mirrored at random, padded, normalised"),
            ("randscale", "_flip", "Scaled, cropped and mirrored at random, normalised"),
            ("jitter", "_flip", "Resized, mirrored, its colours changed at random, normalised"),
        )
        for size in SIZES
    ]
