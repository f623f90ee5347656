"""Scores on a dataset in COCO's format are those of COCO's own evaluation."""

import contextlib
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from lemur_det.metrics.coco import AveragePrecision
from lemur_scenes.loaders import coco

# What is in each image: nothing, a person, a crowd of persons, a car.
NOTHING, PERSON, CROWD, CAR = None, (1, 0), (1, 1), (3, 0)


def write_split(folder, split, contents):
    """Write images of 50x40 pixels with an object of 40x40 each, and return the JSON."""
    (folder / split).mkdir(parents=True)
    (folder / "annotations").mkdir(exist_ok=True)
    images, annotations = [], []
    for number, content in enumerate(contents, 1):
        name = f"{number}.png"
        Image.new("RGB", (50, 40)).save(folder / split / name)
        images.append({"id": number, "file_name": name, "width": 50, "height": 40})
        if content is not None:
            category, crowd = content
            runs = {"size": [40, 50], "counts": [0, 1600, 400]}
            polygon = [[0, 0, 40, 0, 40, 40, 0, 40]]
            annotations.append(
                {
                    "id": number,
                    "image_id": number,
                    "category_id": category,
                    "iscrowd": crowd,
                    "bbox": [0, 0, 40, 40],
                    "area": 1600,
                    "segmentation": runs if crowd else polygon,
                }
            )
    categories = [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}]
    file = folder / "annotations" / f"instances_{split}.json"
    document = {"images": images, "annotations": annotations, "categories": categories}
    file.write_text(json.dumps(document))
    return file


def score(outputs, targets):
    metric = AveragePrecision((2,))
    metric.update(outputs, targets)
    return metric.compute()


def test_what_is_found_in_images_without_objects_counts_as_by_pycocotools(tmp_path):
    write_split(tmp_path / "coco", "train2017", [PERSON] * 3)
    contents = [NOTHING, PERSON, CROWD, PERSON, CAR, PERSON, NOTHING, PERSON]
    file = write_split(tmp_path / "coco", "val2017", contents)
    test = coco.load(tmp_path, "obj-detection", categories="person").test
    targets = [target for _, target in test]
    assert [len(target["labels"]) for target in targets] == [0, 1, 1, 1, 0, 1, 0, 1]
    scores = np.random.default_rng(0).uniform(0.3, 0.9, len(contents)).astype(np.float32)
    # Half of the boxes are too small to be right at all thresholds.
    boxes = [[0.0, 0.0, 40.0, 40.0 if number % 4 else 28.0] for number in range(len(contents))]
    outputs = [
        {
            "boxes": torch.tensor([box]),
            "labels": torch.tensor([1]),
            "scores": torch.tensor([each]),
        }
        for box, each in zip(boxes, scores, strict=True)
    ]
    detections = [
        {"image_id": target["image_id"], "category_id": 1, "bbox": box, "score": float(each)}
        for target, box, each in zip(targets, boxes, scores, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(file))
        evaluation = COCOeval(truth, truth.loadRes(detections), "bbox")
        evaluation.params.catIds = [1]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert 0.2 < evaluation.stats[0] < 0.95
    assert score(outputs, targets) == pytest.approx(evaluation.stats[0], abs=1e-9)
    # Without the images that hold no person the score would be higher.
    persons = [number for number, content in enumerate(contents) if content == PERSON]
    some = [[every[number] for number in persons] for every in (outputs, targets)]
    assert score(*some) > evaluation.stats[0] + 0.01
