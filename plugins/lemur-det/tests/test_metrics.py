"""The metrics compared with pycocotools, called as a user would, on the same boxes."""

import contextlib
import io
import sys

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from lemur_core.errors import LabelError, ShapeError
from lemur_det.metrics import evaluation
from lemur_det.metrics.coco import AveragePrecision, AveragePrecision50, AverageRecall

CLASSES = 6
# The positions of the metrics in COCO's summary.
PLACES = {AveragePrecision: 0, AveragePrecision50: 1, AverageRecall: 8}
METRICS = list(PLACES)


@pytest.fixture(params=["pycocotools", "faster_coco_eval"])
def evaluator(request, monkeypatch):
    """Evaluate with pycocotools and with faster-coco-eval."""
    evaluation.evaluate.cache_clear()
    if request.param == "pycocotools":
        monkeypatch.setitem(sys.modules, "faster_coco_eval", None)
    yield request.param
    evaluation.evaluate.cache_clear()


def image(boxes, labels, **more):
    """Return the objects of an image; without boxes, they have shape (0, 4)."""
    return {
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "labels": torch.tensor(labels, dtype=torch.int64),
        **more,
    }


def detected(boxes, labels, scores):
    return image(boxes, labels, scores=torch.tensor(scores, dtype=torch.float32))


def true(boxes, labels, crowd=None, image_id=0):
    objects = image(boxes, labels, image_id=image_id)
    crowd = [0] * len(labels) if crowd is None else crowd
    sides = objects["boxes"][:, 2:] - objects["boxes"][:, :2]
    return objects | {"iscrowd": torch.tensor(crowd, dtype=torch.int64), "area": sides.prod(1)}


def score(metric, outputs, targets, batch=3):
    instance = metric((CLASSES,))
    for first in range(0, len(outputs), batch):
        instance.update(outputs[first : first + batch], targets[first : first + batch])
    return instance.compute()


def dataset(images, ids):
    """Return images in COCO's format, in which boxes have width and height."""
    annotations = []
    for image_id, objects in zip(ids, images, strict=True):
        for row, (box, label) in enumerate(
            zip(objects["boxes"].double(), objects["labels"], strict=True)
        ):
            x, y, right, bottom = box.tolist()
            annotation = {
                "id": len(annotations) + 1,
                "image_id": image_id,
                "category_id": int(label),
            }
            annotation |= {
                "bbox": [x, y, right - x, bottom - y],
                "area": (right - x) * (bottom - y),
            }
            annotation["iscrowd"] = int(objects["iscrowd"][row]) if "iscrowd" in objects else 0
            if "scores" in objects:
                annotation["score"] = objects["scores"][row].item()
            annotations.append(annotation)
    return {
        "images": [{"id": image_id} for image_id in ids],
        "categories": [{"id": label} for label in range(1, CLASSES)],
        "annotations": annotations,
    }


def expected(metric, outputs, targets, ids=None):
    """Return the value of COCO's summary, with -1 for no boxes replaced by 0."""
    ids = range(len(outputs)) if ids is None else ids
    with contextlib.redirect_stdout(io.StringIO()):
        sets = []
        for images in (targets, outputs):
            coco = COCO()
            coco.dataset = dataset(images, ids)
            coco.createIndex()
            sets.append(coco)
        evaluation = COCOeval(*sets, iouType="bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return max(evaluation.stats[PLACES[metric]], 0.0)


def drawn(seed, images=12, most_true=8, most_found=20, crowds=0.1, scores=None):
    """Return outputs and targets of which about half match roughly; some images are empty."""
    random = np.random.default_rng(seed)
    outputs, targets = [], []
    for number in range(images):
        corner, sides = random.uniform(0, 80, (most_true, 2)), random.uniform(4, 60, (most_true, 2))
        boxes, labels = np.hstack([corner, corner + sides]), random.integers(1, CLASSES, most_true)
        count = random.integers(0, most_true + 1)
        crowd = (random.random(most_true) < crowds).astype(int)
        targets.append(true(boxes[:count], labels[:count], crowd[:count], number))
        rows = random.integers(0, most_true, random.integers(0, most_found + 1))
        moved = boxes[rows] + random.normal(0, 3, (len(rows), 4))
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2])
        other = random.integers(0, CLASSES, len(rows))
        predicted = np.where(random.random(len(rows)) < 0.8, labels[rows], other)
        sure = random.random(len(rows)) if scores is None else random.choice(scores, len(rows))
        outputs.append(detected(moved, predicted, sure))
    return outputs, targets


def half():
    """Return two images of two classes whose scores are obvious."""
    outputs = [detected([[0, 0, 10, 10]], [1], [0.9]), detected([[0, 0, 10, 10]], [1], [0.8])]
    targets = [true([[0, 0, 10, 10]], [1]), true([[50, 50, 60, 60]], [2], image_id=1)]
    return outputs, targets


BOX, NEAR, FAR = [10, 10, 40, 40], [12, 10, 42, 40], [60, 60, 90, 95]
HUNDREDS = np.random.default_rng(0).uniform(0, 1, 150).tolist()
CASES = {
    "no ground truth": ([detected([BOX], [1], [0.5])], [true([], [])]),
    "no detections": ([detected([], [], [])], [true([BOX, FAR], [1, 2])]),
    "nothing at all": ([detected([], [], [])], [true([], [])]),
    "exact": ([detected([BOX, FAR], [1, 2], [0.5, 0.6])], [true([BOX, FAR], [1, 2])]),
    "duplicates": (
        [detected([BOX, BOX, NEAR, FAR], [1, 1, 1, 1], [0.9, 0.8, 0.7, 0.6])],
        [true([BOX, FAR], [1, 1])],
    ),
    "two true boxes in one place": (
        [detected([BOX, NEAR, BOX], [1, 1, 1], [0.9, 0.8, 0.7])],
        [true([BOX, BOX], [1, 1])],
    ),
    "a crowd takes any number": (
        [detected([[0, 0, 10, 10], [20, 20, 30, 30], FAR], [1, 1, 1], [0.9, 0.8, 0.7])],
        [true([[0, 0, 50, 50], FAR], [1, 1], [1, 0])],
    ),
    "a crowd beside an object in it": (
        [detected([BOX, NEAR, [20, 20, 30, 30]], [1, 1, 1], [0.7, 0.9, 0.8])],
        [true([[0, 0, 50, 50], BOX], [1, 1], [1, 0])],
    ),
    "nothing but a crowd": ([detected([BOX], [1], [0.9])], [true([BOX], [1], [1])]),
    "a class that is a crowd only": (
        [detected([BOX, FAR], [1, 2], [0.9, 0.8])],
        [true([BOX, FAR], [1, 2], [1, 0])],
    ),
    "ties within an image": (
        [detected([NEAR, BOX, FAR], [1, 1, 1], [0.5, 0.5, 0.5])],
        [true([BOX], [1])],
    ),
    "ties across images": (
        [detected([FAR, BOX], [1, 1], [0.5, 0.5]), detected([BOX, FAR], [1, 1], [0.5, 0.5])],
        [true([BOX], [1]), true([BOX], [1], image_id=1)],
    ),
    "more than a hundred": (
        [detected([FAR] * 149 + [BOX], [1] * 150, HUNDREDS)],
        [true([BOX, FAR], [1, 1])],
    ),
    "more than a hundred of the same score": (
        [detected([FAR] * 100 + [BOX] * 20, [1] * 120, [0.5] * 120)],
        [true([BOX, FAR], [1, 1])],
    ),
    "a class in detections only": (
        [detected([BOX, FAR, FAR], [1, 2, 0], [0.9, 0.95, 0.99])],
        [true([BOX], [1])],
    ),
    "boxes of no area": (
        [detected([[5, 5, 5, 20], BOX, [7, 7, 7, 7]], [1, 1, 1], [0.9, 0.8, 0.95])],
        [true([[5, 5, 5, 20], BOX], [1, 1])],
    ),
    "a threshold met exactly": (
        [detected([[0, 0, 10, 5]], [1], [0.9])],
        [true([[0, 0, 10, 10]], [1])],
    ),
    "an empty image between": (
        [detected([BOX], [1], [0.5]), detected([FAR], [1], [0.9]), detected([], [], [])],
        [true([BOX], [1]), true([], [], image_id=1), true([FAR], [1], image_id=2)],
    ),
}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", CASES)
def test_the_score_equals_pycocotools_in_each_case(metric, name, evaluator):
    assert score(metric, *CASES[name]) == pytest.approx(expected(metric, *CASES[name]), abs=1e-9)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("scores", [None, [0.25, 0.5, 0.75]], ids=["any", "ties"])
def test_the_score_equals_pycocotools_for_random_boxes(metric, seed, scores, evaluator):
    boxes = drawn(seed, scores=scores)
    assert score(metric, *boxes) == pytest.approx(expected(metric, *boxes), abs=1e-9)
    assert 0.05 < score(metric, *boxes) < 0.95


@pytest.mark.parametrize("metric", METRICS)
def test_the_score_equals_pycocotools_for_crowded_images(metric, evaluator):
    boxes = drawn(1, images=4, most_true=60, most_found=900, crowds=0.3)
    assert max(torch.bincount(objects["labels"]).max() for objects in boxes[0]) > 100
    assert score(metric, *boxes) == pytest.approx(expected(metric, *boxes), abs=1e-9)


@pytest.mark.parametrize(("metric", "expected_score"), [(metric, 0.5) for metric in METRICS])
def test_finding_one_of_two_classes_scores_half(metric, expected_score, evaluator):
    # In class 1 the box of higher score is right and all is found; in class 2 nothing is.
    assert score(metric, *half()) == pytest.approx(expected_score, abs=1e-9)


@pytest.mark.parametrize("metric", METRICS)
def test_the_score_is_0_if_no_box_counts(metric):
    assert metric((CLASSES,)).compute() == 0
    for name in ("no ground truth", "nothing at all", "nothing but a crowd"):
        assert score(metric, *CASES[name]) == 0


@pytest.mark.parametrize("metric", METRICS)
def test_the_order_of_images_does_not_change_the_score(metric):
    outputs, targets = drawn(3, scores=[0.5])
    order = np.random.default_rng(0).permutation(len(outputs))
    shuffled = [[images[index] for index in order] for images in (outputs, targets)]
    assert score(metric, *shuffled) == score(metric, outputs, targets)


@pytest.mark.parametrize("metric", METRICS)
def test_ties_are_ranked_by_image_id(metric):
    outputs, targets = CASES["ties across images"]
    outputs = [outputs[0], detected([FAR], [1], [0.5])]
    ids = [9, 4]
    targets = [objects | {"image_id": number} for objects, number in zip(targets, ids, strict=True)]
    expected_score = expected(metric, outputs, targets, ids)
    assert score(metric, outputs, targets) == pytest.approx(expected_score, abs=1e-9)


@pytest.mark.parametrize("metric", METRICS)
def test_a_repeated_image_counts_as_two(metric):
    outputs, targets = drawn(4)
    twice = [outputs + outputs, targets + targets]
    assert score(metric, *twice) == pytest.approx(expected(metric, *twice), abs=1e-9)


@pytest.mark.parametrize("metric", METRICS)
def test_image_ids_and_crowds_are_optional(metric):
    outputs, targets = drawn(5, crowds=0)
    required_only = [{name: objects[name] for name in ("boxes", "labels")} for objects in targets]
    assert score(metric, outputs, required_only) == score(metric, outputs, targets)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("without", [[0], [1], [0, 2]])
@pytest.mark.parametrize("part", ["iscrowd", "area", "image_id"])
def test_an_optional_key_may_be_in_only_some_targets(metric, without, part, evaluator):
    crowd = true([[0, 0, 50, 50], FAR], [1, 1], [1, 0], 1)
    targets = [true([BOX], [1]), crowd, true([BOX], [2], image_id=2)]
    inside = detected([[0, 0, 10, 10], [20, 20, 30, 30], FAR], [1, 1, 1], [0.9, 0.8, 0.7])
    outputs = [detected([BOX], [1], [0.6]), inside, detected([NEAR], [2], [0.5])]
    for index in without:
        del targets[index][part]
    expected_score = expected(metric, outputs, targets)
    assert score(metric, outputs, targets) == pytest.approx(expected_score, abs=1e-9)
    assert score(metric, outputs, targets, batch=1) == pytest.approx(expected_score, abs=1e-9)


def test_a_crowd_in_only_the_second_image_does_not_lower_a_perfect_score():
    crowd = true([[0, 0, 50, 50], FAR], [1, 1], [1, 0], 1)
    bare = {name: true([BOX], [1])[name] for name in ("boxes", "labels")}
    outputs = [
        detected([BOX], [1], [0.6]),
        detected([[0, 0, 10, 10], [20, 20, 30, 30], FAR], [1, 1, 1], [0.9, 0.8, 0.7]),
    ]
    assert score(AveragePrecision, outputs, [bare, crowd]) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("label", [-1, 0, CLASSES])
def test_a_target_label_without_a_valid_class_is_refused(label):
    with pytest.raises(LabelError) as caught:
        score(AveragePrecision, [detected([], [], [])], [true([BOX, FAR], [1, label])])
    assert str(caught.value) == (
        f"a target has an object of class {label}; expected 1 to 5, as 0 is the background"
    )


@pytest.mark.parametrize("metric", METRICS)
def test_a_batch_may_be_modified_after_the_update(metric):
    outputs, targets = drawn(6)
    expected_score = score(metric, outputs, targets)
    instance = metric((CLASSES,))
    instance.update(outputs, targets)
    for objects in (*outputs, *targets):
        objects["boxes"].zero_()
    assert instance.compute() == expected_score


def test_metrics_of_the_same_boxes_are_evaluated_once(monkeypatch):
    evaluation.evaluate.cache_clear()
    for metric in (AveragePrecision, AveragePrecision50, AverageRecall):
        score(metric, *drawn(7))
    assert evaluation.evaluate.cache_info().hits == 1


def test_boxes_that_only_differ_in_their_labels_are_distinguished():
    outputs, targets = CASES["exact"]
    other = [outputs[0] | {"labels": outputs[0]["labels"].flip(0)}]
    assert score(AveragePrecision, outputs, targets) == pytest.approx(1, abs=1e-9)
    assert score(AveragePrecision, other, targets) == 0


@pytest.mark.parametrize("name", ["boxes", "scores"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_output_that_is_not_finite_scores_nan(name, value):
    outputs, targets = CASES["exact"]
    outputs = [{part: tensor.clone() for part, tensor in outputs[0].items()}]
    outputs[0][name][0] = value
    assert np.isnan(score(AveragePrecision50, outputs, targets))


def test_nothing_is_printed(capsys, evaluator):
    score(AveragePrecision, *drawn(8))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("outputs", "targets", "message"),
    [
        ([detected([BOX], [1], [0.5])], [], "1 outputs for 0 targets"),
        ([detected([BOX], [1, 2], [0.5])], [true([], [])], r"boxes \(1, 4\) of 2 labels: expected"),
        ([detected([BOX], [1], [0.5, 0.6])], [true([], [])], "2 scores of 1 boxes"),
        ([detected([], [], [])], [true([BOX], [1], [0, 0])], "2 iscrowd of 1 boxes"),
    ],
)
def test_inconsistent_shapes_are_refused(outputs, targets, message):
    with pytest.raises(ShapeError, match=message):
        AveragePrecision((CLASSES,)).update(outputs, targets)
