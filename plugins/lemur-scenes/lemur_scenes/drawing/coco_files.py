"""Write scenes in COCO's format: images in folders, annotations in JSON files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from lemur_scenes.drawing.glyphs import CLASSES, Glyphs, split_glyphs
from lemur_scenes.drawing.random_integers import RandomIntegers
from lemur_scenes.drawing.scenes import Scene, draw_scene

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SPLITS = ("train", "test")
# Increase this with every change of the scenes, so that files of different versions are distinct.
VERSION = 1
_TEST_SHARE = 5
_ABOUT = "Scenes of scikit-learn's digits, drawn by lemur"


def write_scenes(folder: Path, size: int, count: int) -> None:
    """Write ``train``, ``test`` and their ``instances_<split>.json``.

    No digit occurs in both training and test scenes. A smaller set is a subset of a larger one.

    Args:
        folder: An empty folder.
        size: The height and width of each scene, in pixels.
        count: The number of scenes; a fifth of them, rounded down, is the test split.
    """
    glyphs = split_glyphs(VERSION)
    tests = count // _TEST_SHARE
    for number, (split, scenes) in enumerate(zip(SPLITS, (count - tests, tests), strict=True)):
        (folder / split).mkdir()
        written = [
            _write(
                folder / split, index, RandomIntegers(VERSION, number, index), glyphs[split], size
            )
            for index in range(scenes)
        ]
        (folder / annotations_file(split)).write_text(json.dumps(_document(written)), "utf-8")


def annotations_file(split: str) -> str:
    """Return the name of the file of a split's annotations."""
    return f"instances_{split}.json"


def _write(
    folder: Path, index: int, draws: RandomIntegers, glyphs: Glyphs, size: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Write an image, and return its entry and the annotations of its digits."""
    scene = draw_scene(draws, glyphs, size)
    name = f"{index:06}.png"
    # Lossless, because decoders of JPEG differ. Higher levels hardly compress noise further.
    Image.fromarray(scene.pixels).save(folder / name, compress_level=1)
    image = {"id": index + 1, "file_name": name, "width": size, "height": size}
    return image, [_annotation(scene, digit, index + 1) for digit in range(len(scene.classes))]


def _annotation(scene: Scene, digit: int, image: int) -> dict[str, Any]:
    from pycocotools import mask as coco_masks

    visible = scene.owners == digit
    runs = coco_masks.encode(np.asfortranarray(visible, np.uint8))
    return {
        "image_id": image,
        "category_id": scene.classes[digit] + 1,
        "segmentation": runs | {"counts": runs["counts"].decode("ascii")},
        "area": int(visible.sum()),
        "bbox": _box(visible),
        "iscrowd": 0,
    }


def _box(visible: NDArray[np.bool_]) -> list[int]:
    rows, columns = np.flatnonzero(visible.any(1)), np.flatnonzero(visible.any(0))
    left, top = int(columns[0]), int(rows[0])
    return [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top]


def _document(written: list[tuple[dict[str, Any], list[dict[str, Any]]]]) -> dict[str, Any]:
    annotations = [annotation for _, of_image in written for annotation in of_image]
    return {
        "info": {"description": _ABOUT, "version": str(VERSION)},
        "images": [image for image, _ in written],
        "annotations": [{"id": 1 + i} | annotation for i, annotation in enumerate(annotations)],
        "categories": [{"id": 1 + digit, "name": str(digit)} for digit in range(CLASSES)],
    }
