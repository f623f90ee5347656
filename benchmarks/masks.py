"""Images and masks of a set in COCO's format, against a plain loop of pycocotools.

    python benchmarks/masks.py [--rounds 5] [--images 500]

Both begin as a program does that starts, and give the batches that a net is scored with: images and
the class of each pixel, resized to 224 px, which is what lemur does of itself with such images, by
the same transform; the first batch is compared. The rival is one loop: COCO() parses the JSON, then
for each image loadAnns, annToMask and Pillow, the masks laid on each other from large to small.
lemur's are the batches of its training, by two loading processes, which are started anew each
round. What it keeps of the JSON and of the images that it accepts is there, as from the second
start on; how long the first takes is printed too. Which images have 1,000 pixels of objects is told
to the rival, which would have to make all masks to know.

The set is written to a temporary folder: 480x640 JPEGs, seven objects each at COCO's scales, their
outlines as fine as COCO's, a crowd in each tenth. Each image is read four times, as lemur starts
loading processes from 2,000 samples on.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import shutil
import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO
from torch import Tensor
from torch.utils.data import default_collate

from lemur_core.kinds.loader import IGNORED, take
from lemur_core.train.batches import batches
from lemur_scenes.coco.scenes import Scenes, coco_scenes
from lemur_scenes.loaders.published import IMAGENET
from lemur_scenes.transforms.joint import resized

if TYPE_CHECKING:
    from collections.abc import Iterator

HEIGHT, WIDTH, OBJECTS, CATEGORIES = 480, 640, 7, 80
MIN_PIXELS = 1_000
PROCESSES, BATCH, PASSES = 2, 16, 4
TRANSFORM = resized(IMAGENET, 224)


def write(folder: Path, images: int) -> None:
    draw = np.random.default_rng(0)
    document = {
        "images": [],
        "annotations": [],
        "categories": [{"id": one, "name": f"kind {one}"} for one in range(1, CATEGORIES + 1)],
    }
    (folder / "images").mkdir()
    for number in range(images):
        name = f"{number:012}.jpg"
        photograph(draw).save(folder / "images" / name, quality=90)
        image = {"id": 3 * number + 1, "file_name": name, "height": HEIGHT, "width": WIDTH}
        document["images"].append(image)
        for _ in range(OBJECTS):
            document["annotations"].append(
                {"id": len(document["annotations"]) + 1, "image_id": image["id"]} | drawn(draw)
            )
        if number % 10 == 0:
            document["annotations"][-1] |= crowd(draw)
    (folder / "instances.json").write_text(json.dumps(document))


def photograph(draw: np.random.Generator) -> Image.Image:
    coarse = Image.fromarray(draw.integers(0, 256, (30, 40, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.int16)
    grain = draw.integers(-9, 10, smooth.shape, dtype=np.int16)
    return Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8))


def drawn(draw: np.random.Generator) -> dict:
    """Return an object: a ragged outline, of a size drawn by its logarithm."""
    points, radius = int(draw.integers(12, 60)), np.exp(draw.uniform(np.log(8), np.log(200)))
    angles = np.sort(draw.uniform(0, 2 * np.pi, points))
    away = radius * draw.uniform(0.7, 1.0, points)
    xs = (draw.uniform(0, WIDTH) + away * np.cos(angles)).clip(0, WIDTH)
    ys = (draw.uniform(0, HEIGHT) + away * np.sin(angles)).clip(0, HEIGHT)
    polygon = np.stack([xs, ys], 1).round(2).ravel().tolist()
    runs = coco_masks.merge(coco_masks.frPyObjects([polygon], HEIGHT, WIDTH))
    return {
        "segmentation": [polygon],
        "category_id": int(draw.integers(1, CATEGORIES + 1)),
        "iscrowd": 0,
        "area": int(coco_masks.area(runs)),
        "bbox": coco_masks.toBbox(runs).tolist(),
    }


def crowd(draw: np.random.Generator) -> dict:
    columns = int(draw.integers(1, WIDTH - 50))
    before = HEIGHT * columns
    counts = [before, HEIGHT * 40, HEIGHT * (WIDTH - 40) - before]
    return {"segmentation": {"size": [HEIGHT, WIDTH], "counts": counts}, "iscrowd": 1}


def plain(folder: Path, names: set[str]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches, as one loop reads them."""
    # On two threads that wait for each other, small images are resized more slowly.
    torch.set_num_threads(1)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(folder / "instances.json"))
    classes = {one: number for number, one in enumerate(sorted(coco.getCatIds()), start=1)}
    transform = TRANSFORM.eval()
    batch = []
    for image_id in PASSES * coco.getImgIds():
        said = coco.loadImgs(image_id)[0]
        if said["file_name"] not in names:
            continue
        with Image.open(folder / "images" / said["file_name"]) as file:
            image = torch.from_numpy(np.array(file.convert("RGB"))).permute(2, 0, 1)
        annotations = coco.loadAnns(coco.getAnnIds(image_id))
        mask = np.zeros((said["height"], said["width"]), np.int64)
        for annotation in sorted(annotations, key=lambda one: (1 - one["iscrowd"], -one["area"])):
            value = IGNORED if annotation["iscrowd"] else classes[annotation["category_id"]]
            mask[coco.annToMask(annotation) == 1] = value
        batch.append(transform.pair(image, torch.from_numpy(mask)))
        if len(batch) == BATCH:
            yield default_collate(batch)
            batch = []
    if batch:
        yield default_collate(batch)


def lemurs(folder: Path) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches, as lemur's training reads them."""
    # As many processes load as there are threads.
    torch.set_num_threads(PROCESSES)
    found = scenes(folder)
    repeated = take(found, torch.arange(len(found)).repeat(PASSES))
    yield from batches(repeated, TRANSFORM, BATCH, torch.device("cpu"), training=False)


def scenes(folder: Path) -> Scenes:
    return coco_scenes(
        "generated",
        "img-segmentation",
        folder / "images",
        folder / "instances.json",
        min_pixels=MIN_PIXELS,
    )


def timed(call) -> tuple[float, Any]:
    begun = time.perf_counter()
    result = call()
    return time.perf_counter() - begun, result


def read(given: Iterator[tuple[Tensor, Tensor]]) -> tuple[int, list[Tensor]]:
    """Return how many samples there are, and the first batch."""
    first = [one.clone() for one in next(given)]
    return len(first[0]) + sum(len(inputs) for inputs, _ in given), first


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=500)
    options = parser.parse_args()
    # pycocotools was built for an older numpy.
    warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
    folder = Path(tempfile.mkdtemp(prefix="lemur-masks-"))
    try:
        compare(folder, options.images, options.rounds)
    finally:
        shutil.rmtree(folder)


def compare(folder: Path, images: int, rounds: int) -> None:
    write(folder, images)
    first, accepted = timed(lambda: scenes(folder))
    second, _ = timed(lambda: scenes(folder))
    names = {accepted.annotations.name(image) for image in accepted.images.tolist()}
    print(f"{images} images, {len(names)} accepted")
    print(f"{'first start':<28}{first:8.3f} s")
    print(f"{'second start':<28}{second:8.3f} s")
    ours, theirs = [], []
    for _ in range(rounds):
        seconds, (count, first) = timed(lambda: read(lemurs(folder)))
        ours.append(seconds)
        seconds, (expected, others) = timed(lambda: read(plain(folder, names)))
        theirs.append(seconds)
        assert count == expected == PASSES * len(names)
        assert all(map(torch.equal, first, others))
    for name, seconds in (("lemur, two processes", ours), ("pycocotools, a loop", theirs)):
        median = statistics.median(seconds)
        print(f"{name:<28}{median:8.3f} s{PASSES * len(names) / median:10.1f} images/s")
    ratios = [their / our for our, their in zip(ours, theirs, strict=True)]
    print(f"{statistics.median(ratios):.2f}x as fast, {min(ratios):.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
