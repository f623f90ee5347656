"""Read images and masks in COCO's format, compared with a plain loop over pycocotools.

    python benchmarks/masks.py [--rounds 5] [--images 500]

Both programs produce the batches with which a net is scored: images and the class of each pixel,
resized to 224 px by the same transform. The first batches are compared. The rival is one loop:
COCO() parses the JSON, then loadAnns, annToMask and Pillow are called for each image, and the masks
are painted from large to small. lemur's batches are those of its training, from two loading
processes, which are started in each round. lemur's cache of the JSON and of the accepted images
exists, as from the second start on; the time of the first start is printed too. The rival is told
which images have 1,000 pixels of objects, as it would have to make all masks to find out.

The dataset is written to a temporary folder: 480x640 JPEGs with seven objects each at COCO's
scales, with outlines as fine as COCO's, and a crowd in every tenth image. Each image is read four
times, because lemur starts loading processes for 2,000 samples or more.
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
        "categories": [
            {"id": number, "name": f"kind {number}"} for number in range(1, CATEGORIES + 1)
        ],
    }
    (folder / "images").mkdir()
    for number in range(images):
        name = f"{number:012}.jpg"
        photograph(draw).save(folder / "images" / name, quality=90)
        image = {"id": 3 * number + 1, "file_name": name, "height": HEIGHT, "width": WIDTH}
        document["images"].append(image)
        for _ in range(OBJECTS):
            document["annotations"].append(
                {"id": len(document["annotations"]) + 1, "image_id": image["id"]}
                | random_object(draw)
            )
        if number % 10 == 0:
            document["annotations"][-1] |= crowd(draw)
    (folder / "instances.json").write_text(json.dumps(document))


def photograph(draw: np.random.Generator) -> Image.Image:
    coarse = Image.fromarray(draw.integers(0, 256, (30, 40, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.int16)
    grain = draw.integers(-9, 10, smooth.shape, dtype=np.int16)
    return Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8))


def random_object(draw: np.random.Generator) -> dict:
    """Return an object: a ragged outline whose size is drawn on a logarithmic scale."""
    points, radius = int(draw.integers(12, 60)), np.exp(draw.uniform(np.log(8), np.log(200)))
    angles = np.sort(draw.uniform(0, 2 * np.pi, points))
    distances = radius * draw.uniform(0.7, 1.0, points)
    xs = (draw.uniform(0, WIDTH) + distances * np.cos(angles)).clip(0, WIDTH)
    ys = (draw.uniform(0, HEIGHT) + distances * np.sin(angles)).clip(0, HEIGHT)
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
    first = HEIGHT * columns
    counts = [first, HEIGHT * 40, HEIGHT * (WIDTH - 40) - first]
    return {"segmentation": {"size": [HEIGHT, WIDTH], "counts": counts}, "iscrowd": 1}


def plain_batches(folder: Path, names: set[str]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches, read by a plain loop."""
    # Two threads that wait for each other resize small images more slowly than one.
    torch.set_num_threads(1)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(folder / "instances.json"))
    classes = {
        category: number for number, category in enumerate(sorted(coco.getCatIds()), start=1)
    }
    transform = TRANSFORM.eval()
    batch = []
    for image_id in PASSES * coco.getImgIds():
        image_info = coco.loadImgs(image_id)[0]
        if image_info["file_name"] not in names:
            continue
        with Image.open(folder / "images" / image_info["file_name"]) as file:
            image = torch.from_numpy(np.array(file.convert("RGB"))).permute(2, 0, 1)
        annotations = coco.loadAnns(coco.getAnnIds(image_id))
        mask = np.zeros((image_info["height"], image_info["width"]), np.int64)
        for annotation in sorted(
            annotations, key=lambda item: (1 - item["iscrowd"], -item["area"])
        ):
            value = IGNORED if annotation["iscrowd"] else classes[annotation["category_id"]]
            mask[coco.annToMask(annotation) == 1] = value
        batch.append(transform.pair(image, torch.from_numpy(mask)))
        if len(batch) == BATCH:
            yield default_collate(batch)
            batch = []
    if batch:
        yield default_collate(batch)


def lemur_batches(folder: Path) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches, read as in lemur's training."""
    # The number of loading processes is the number of threads.
    torch.set_num_threads(PROCESSES)
    dataset = scenes(folder)
    repeated = take(dataset, torch.arange(len(dataset)).repeat(PASSES))
    yield from batches(repeated, TRANSFORM, BATCH, torch.device("cpu"), training=False)


def scenes(folder: Path) -> Scenes:
    return coco_scenes(
        "generated",
        "img-segmentation",
        folder / "images",
        folder / "instances.json",
        min_pixels=MIN_PIXELS,
    )


def time_call(call) -> tuple[float, Any]:
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


def read(loader: Iterator[tuple[Tensor, Tensor]]) -> tuple[int, list[Tensor]]:
    """Return the number of samples, and the first batch."""
    first = [tensor.clone() for tensor in next(loader)]
    return len(first[0]) + sum(len(inputs) for inputs, _ in loader), first


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
    first, accepted = time_call(lambda: scenes(folder))
    second, _ = time_call(lambda: scenes(folder))
    names = {accepted.annotations.name(image) for image in accepted.images.tolist()}
    print(f"{images} images, {len(names)} accepted")
    print(f"{'first start':<28}{first:8.3f} s")
    print(f"{'second start':<28}{second:8.3f} s")
    ours, theirs = [], []
    for _ in range(rounds):
        seconds, (count, first) = time_call(lambda: read(lemur_batches(folder)))
        ours.append(seconds)
        seconds, (expected, others) = time_call(lambda: read(plain_batches(folder, names)))
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
