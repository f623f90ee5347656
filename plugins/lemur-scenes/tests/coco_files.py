"""Small sets in COCO's format, and what is in them as pycocotools and plain loops say."""

import contextlib
import io
import json
import warnings

import numpy as np
from PIL import Image
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO

from lemur_core.kinds.loader import IGNORED

# Ids with gaps, and not in their order.
CATEGORIES = {90: "toothbrush", 1: "person", 2: "bicycle", 10: "traffic light", 3: "car"}
CLASSES = {1: 1, 2: 2, 3: 3, 10: 4, 90: 5}
LEMURS = {1: "person", 2: "bicycle", 3: "car", 4: "motorcycle", 5: "airplane"}


class CocoSet:
    """A JSON that grows, and the images that it names."""

    def __init__(self, folder, name="instances.json", images="images", categories=CATEGORIES):
        self.folder, self.file, self.images = folder, folder / name, folder / images
        self.images.mkdir(parents=True, exist_ok=True)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.document = {
            "images": [],
            "annotations": [],
            "categories": [{"id": one, "name": name} for one, name in categories.items()],
        }

    def image(self, height, width, *, identity=None, mode="RGB", end="png"):
        """Add an image of noise and return its id; ids have gaps."""
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
        """Write the JSON and return it."""
        self.file.write_text(json.dumps(self.document))
        return self.file

    def coco(self):
        """Return what pycocotools makes of it."""
        with contextlib.redirect_stdout(io.StringIO()):
            return COCO(str(self.file))


def polygon(top, left, bottom, right):
    """Return the polygon of a rectangle."""
    return [left, top, right, top, right, bottom, left, bottom]


def compressed(mask):
    """Return a mask as compressed run lengths, as a JSON holds them."""
    runs = coco_masks.encode(np.asfortranarray(mask, np.uint8))
    return {"size": list(mask.shape), "counts": runs["counts"].decode()}


def uncompressed(mask):
    """Return a mask as run lengths, counted one by one."""
    counts, inside = [0], False
    for pixel in np.asarray(mask).T.ravel().tolist():
        if bool(pixel) != inside:
            counts.append(0)
            inside = not inside
        counts[-1] += 1
    return {"size": list(mask.shape), "counts": counts}


def pixels(coco, annotation):
    """Return the mask of an annotation as pycocotools has it."""
    with warnings.catch_warnings():
        # It was built for an older numpy.
        warnings.simplefilter("ignore", DeprecationWarning)
        return coco.annToMask(annotation)


def composed(coco, image, classes=CLASSES):
    """Return the class of each pixel: crowds beneath, then objects from large to small."""
    said = coco.loadImgs(image)[0]
    result = np.zeros((said["height"], said["width"]), np.int64)
    objects = []
    for annotation in coco.loadAnns(coco.getAnnIds(image)):
        if annotation["category_id"] in classes:
            mask = pixels(coco, annotation)
            if annotation["iscrowd"]:
                result[mask == 1] = IGNORED
            else:
                objects.append((int(mask.sum()), classes[annotation["category_id"]], mask))
    for _, number, mask in sorted(objects, key=lambda one: -one[0]):
        result[mask == 1] = number
    return result


def varied(folder):
    """Return a set with all that the format has: 12 images, 10 with objects."""
    one = CocoSet(folder)
    draw = np.random.default_rng(0)
    for number in range(10):
        height, width = (int(side) for side in draw.integers(20, 60, 2))
        image = one.image(height, width, mode="L" if number == 4 else "RGB")
        for _ in range(1 + number % 5):
            kind = draw.integers(0, 4)
            mask = np.zeros((height, width), np.uint8)
            top, left = draw.integers(0, height - 8), draw.integers(0, width - 8)
            mask[top : top + draw.integers(4, 30), left : left + draw.integers(4, 30)] = 1
            # A hole, which no polygon has.
            mask[top + 2 : top + 3, left + 2 : left + 3] = 0
            parts = [
                (draw.uniform(-2, min(height, width), (draw.integers(3, 9), 2)).round(2)).ravel()
                for _ in range(1 + kind)
            ]
            given = {
                0: [parts[0].tolist()],
                1: [part.tolist() for part in parts],
                2: compressed(mask),
                3: uncompressed(mask),
            }[int(kind)]
            box = [float(left), float(top), float(draw.integers(1, 8)), 5.5]
            one.add(image, given, int(draw.choice(list(CATEGORIES))), box=box)
    # A crowd beside an object and beneath it.
    crowd = np.zeros((height, width), np.uint8)
    crowd[2:15] = 1
    one.add(image, uncompressed(crowd), 1, crowd=1)
    one.image(30, 20)
    alone = one.image(30, 20)
    one.add(alone, uncompressed(np.ones((30, 20))), 3, crowd=1)
    one.save()
    return one


def write_coco(folder):
    """Write COCO 2017 with five images to train and two to test."""
    for split, count in (("train2017", 5), ("val2017", 2)):
        name = f"annotations/instances_{split}.json"
        one = CocoSet(folder / "coco", name, split, LEMURS)
        for number in range(count):
            image = one.image(50, 60, end="jpg")
            one.add(image, [polygon(5, 5, 45, 40)], 1 + number % 5, box=[5, 5, 35, 40])
            one.add(image, [polygon(10, 20, 20, 55)], 2, box=[20, 10, 35, 10])
            one.add(image, uncompressed(np.eye(50, 60)), 1, crowd=1, box=[0, 0, 50, 50])
        one.save()
