"""Scenes as COCO's files: pictures in folders, annotations in JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from lemur_scenes.drawing.draws import Draws
from lemur_scenes.drawing.glyphs import CLASSES, Glyphs, split_glyphs
from lemur_scenes.drawing.scenes import Scene, draw_scene

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SPLITS = ("train", "test")
# Raised with every change of what is drawn, so that none is taken for another.
VERSION = 1
_TEST_SHARE = 5
_ABOUT = "Scenes of scikit-learn's digits, drawn by lemur"


def write_scenes(folder: Path, size: int, count: int) -> None:
    """Write ``train``, ``test`` and their ``instances_<split>.json``.

    No digit of the training scenes is in one to test, and a smaller set is a part of a greater.

    Args:
        folder: Where; it is there and empty.
        size: Height and width of each scene, in pixels.
        count: How many scenes; a fifth of them, rounded down, is to test.
    """
    glyphs = split_glyphs(VERSION)
    tests = count // _TEST_SHARE
    for number, (split, scenes) in enumerate(zip(SPLITS, (count - tests, tests), strict=True)):
        (folder / split).mkdir()
        written = [
            _write(folder / split, index, Draws(VERSION, number, index), glyphs[split], size)
            for index in range(scenes)
        ]
        (folder / annotations_file(split)).write_text(json.dumps(_document(written)), "utf-8")


def annotations_file(split: str) -> str:
    """Return the name of a split's annotations."""
    return f"instances_{split}.json"


def _write(
    folder: Path, index: int, draws: Draws, glyphs: Glyphs, size: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Write a picture, and return what is said of it and of the digits in it."""
    scene = draw_scene(draws, glyphs, size)
    name = f"{index:06}.png"
    # Lossless, as what a JPEG holds hangs on who decodes it; noise is hardly pressed further.
    Image.fromarray(scene.pixels).save(folder / name, compress_level=1)
    said = {"id": index + 1, "file_name": name, "width": size, "height": size}
    return said, [_annotation(scene, digit, index + 1) for digit in range(len(scene.classes))]


def _annotation(scene: Scene, digit: int, image: int) -> dict[str, Any]:
    from pycocotools import mask as coco_masks

    seen = scene.owners == digit
    runs = coco_masks.encode(np.asfortranarray(seen, np.uint8))
    return {
        "image_id": image,
        "category_id": scene.classes[digit] + 1,
        "segmentation": runs | {"counts": runs["counts"].decode("ascii")},
        "area": int(seen.sum()),
        "bbox": _box(seen),
        "iscrowd": 0,
    }


def _box(seen: NDArray[np.bool_]) -> list[int]:
    rows, columns = seen.any(1).nonzero()[0], seen.any(0).nonzero()[0]
    left, top = int(columns[0]), int(rows[0])
    return [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top]


def _document(written: list[tuple[dict[str, Any], list[dict[str, Any]]]]) -> dict[str, Any]:
    annotations = [one for _, every in written for one in every]
    return {
        "info": {"description": _ABOUT, "version": str(VERSION)},
        "images": [image for image, _ in written],
        "annotations": [{"id": 1 + at} | one for at, one in enumerate(annotations)],
        "categories": [{"id": 1 + digit, "name": str(digit)} for digit in range(CLASSES)],
    }
