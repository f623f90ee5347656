"""Small datasets in COCO's format, and their content according to pycocotools and plain loops."""

import contextlib
import io
import json
import warnings

import numpy as np
from PIL import Image
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO

from lemur_core.kinds.loader import IGNORED

# The ids have gaps and are not sorted.
CATEGORIES = {90: "toothbrush", 1: "person", 2: "bicycle", 10: "traffic light", 3: "car"}
CLASSES = {1: 1, 2: 2, 3: 3, 10: 4, 90: 5}
LEMURS = {1: "person", 2: "bicycle", 3: "car", 4: "motorcycle", 5: "airplane"}


class CocoSet:
    """A JSON document to which images and annotations can be added, and its image files."""

    def __init__(self, folder, name="instances.json", images="images", categories=CATEGORIES):
        self.folder, self.file, self.images = folder, folder / name, folder / images
        self.images.mkdir(parents=True, exist_ok=True)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.document = {
            "images": [],
            "annotations": [],
            "categories": [{"id": i, "name": name} for i, name in categories.items()],
        }

    def image(self, height, width, *, identity=None, mode="RGB", end="png"):
        """Add an image of noise and return its id; the ids have gaps."""
        number = len(self.document["images"])
        identity = 7 * number + 3 if identity is None else identity
        shape = (height, width) if mode == "L" else (height, width, 3)
        noise = np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)
        name = f"{number:012}.{end}"
        Image.fromarray(noise, mode).save(self.images / name)
        self.document["images"].append(
            {"id": identity, "file_name": name, "height": height, "width": width}
        )
        return identity

    def add(self, image, segmentation, category=1, *, crowd=0, box=(1, 2, 3, 4), **more):
        """Add an annotation and return its id."""
        identity = 100 + 11 * len(self.document["annotations"])
        self.document["annotations"].append(
            {
                "id": identity,
                "image_id": image,
                "category_id": category,
                "segmentation": segmentation,
                "iscrowd": crowd,
                "bbox": list(box),
                "area": 12.5,
                **more,
            }
        )
        return identity

    def save(self):
        """Write the JSON file and return its path."""
        self.file.write_text(json.dumps(self.document))
        return self.file

    def coco(self):
        """Return the file as read by pycocotools."""
        with contextlib.redirect_stdout(io.StringIO()):
            return COCO(str(self.file))


def polygon(top, left, bottom, right):
    """Return the polygon of a rectangle."""
    return [left, top, right, top, right, bottom, left, bottom]


def compressed(mask):
    """Return a mask as compressed run lengths for a JSON file."""
    runs = coco_masks.encode(np.asfortranarray(mask, np.uint8))
    return {"size": list(mask.shape), "counts": runs["counts"].decode()}


def uncompressed(mask):
    """Return a mask as run lengths, counted pixel by pixel."""
    counts, inside = [0], False
    for pixel in np.asarray(mask).T.ravel().tolist():
        if bool(pixel) != inside:
            counts.append(0)
            inside = not inside
        counts[-1] += 1
    return {"size": list(mask.shape), "counts": counts}


def pixels(coco, annotation):
    """Return the mask of an annotation as decoded by pycocotools."""
    with warnings.catch_warnings():
        # pycocotools was built for an older version of numpy.
        warnings.simplefilter("ignore", DeprecationWarning)
        return coco.annToMask(annotation)


def composed(coco, image, classes=CLASSES):
    """Return the class of each pixel: crowds first, then objects from large to small."""
    record = coco.loadImgs(image)[0]
    result = np.zeros((record["height"], record["width"]), np.int64)
    objects = []
    for annotation in coco.loadAnns(coco.getAnnIds(image)):
        if annotation["category_id"] in classes:
            mask = pixels(coco, annotation)
            if annotation["iscrowd"]:
                result[mask == 1] = IGNORED
            else:
                objects.append((int(mask.sum()), classes[annotation["category_id"]], mask))
    for _, number, mask in sorted(objects, key=lambda item: -item[0]):
        result[mask == 1] = number
    return result


def varied(folder):
    """Return a set that uses all parts of the format: 12 images, 10 of them with objects."""
    dataset = CocoSet(folder)
    draw = np.random.default_rng(0)
    for number in range(10):
        height, width = (int(side) for side in draw.integers(20, 60, 2))
        image = dataset.image(height, width, mode="L" if number == 4 else "RGB")
        for _ in range(1 + number % 5):
            kind = draw.integers(0, 4)
            mask = np.zeros((height, width), np.uint8)
            top, left = draw.integers(0, height - 8), draw.integers(0, width - 8)
            mask[top : top + draw.integers(4, 30), left : left + draw.integers(4, 30)] = 1
            # A hole, which polygons cannot have.
            mask[top + 2 : top + 3, left + 2 : left + 3] = 0
            parts = [
                (draw.uniform(-2, min(height, width), (draw.integers(3, 9), 2)).round(2)).ravel()
                for _ in range(1 + kind)
            ]
            segmentation = {
                0: [parts[0].tolist()],
                1: [part.tolist() for part in parts],
                2: compressed(mask),
                3: uncompressed(mask),
            }[int(kind)]
            box = [float(left), float(top), float(draw.integers(1, 8)), 5.5]
            dataset.add(image, segmentation, int(draw.choice(list(CATEGORIES))), box=box)
    # A crowd beside and behind an object.
    crowd = np.zeros((height, width), np.uint8)
    crowd[2:15] = 1
    dataset.add(image, uncompressed(crowd), 1, crowd=1)
    dataset.image(30, 20)
    alone = dataset.image(30, 20)
    dataset.add(alone, uncompressed(np.ones((30, 20))), 3, crowd=1)
    dataset.save()
    return dataset


def write_coco(folder):
    """Write COCO 2017 with five training and two test images."""
    for split, count in (("train2017", 5), ("val2017", 2)):
        name = f"annotations/instances_{split}.json"
        dataset = CocoSet(folder / "coco", name, split, LEMURS)
        for number in range(count):
            image = dataset.image(50, 60, end="jpg")
            dataset.add(image, [polygon(5, 5, 45, 40)], 1 + number % 5, box=[5, 5, 35, 40])
            dataset.add(image, [polygon(10, 20, 20, 55)], 2, box=[20, 10, 35, 10])
            dataset.add(image, uncompressed(np.eye(50, 60)), 1, crowd=1, box=[0, 0, 50, 50])
        dataset.save()
