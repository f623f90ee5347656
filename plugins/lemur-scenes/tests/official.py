"""Write a few samples of Pascal VOC and Oxford-IIIT Pet in their official formats."""

import numpy as np
from PIL import Image

VOC = "VOCdevkit/VOC2012"
PETS = "oxford-iiit-pet"
# The colours of the first classes and of ignored pixels in the official palette.
PALETTE = bytes([0, 0, 0, 128, 0, 0, 0, 128, 0]) + bytes(252 * 3) + bytes([224, 224, 192])


def write_voc(folder, count=4):
    """Write both splits of both tasks, with the same images for both tasks."""
    place = folder / VOC
    for name in ("JPEGImages", "SegmentationClass", "Annotations"):
        (place / name).mkdir(parents=True, exist_ok=True)
    for lists in ("Segmentation", "Main"):
        (place / "ImageSets" / lists).mkdir(parents=True, exist_ok=True)
        for split in ("train", "val"):
            names = [f"2012_{split}_{index}" for index in range(count)]
            (place / "ImageSets" / lists / f"{split}.txt").write_text("\n".join(names) + "\n")
            for index, name in enumerate(names):
                write_voc_sample(place, name, seed=index)
    return place


def write_voc_sample(place, name, seed=0):
    """Write a photograph of 40x30 pixels, a mask of palette colours, and two objects."""
    generator = np.random.default_rng(seed)
    write_photograph(place / "JPEGImages" / f"{name}.jpg", generator)
    mask = generator.choice(np.array([0, 1, 15, 20, 255], np.uint8), (30, 40))
    write_voc_mask(place / "SegmentationClass" / f"{name}.png", mask)
    write_voc_objects(
        place / "Annotations" / f"{name}.xml",
        [("person", (1, 1, 40, 30), 0), ("tvmonitor", (5.5, 6, 20, 16), 1)],
    )
    return mask


def write_voc_mask(file, mask):
    image = Image.fromarray(mask)
    image.putpalette(PALETTE)
    image.save(file)


def write_voc_objects(file, objects):
    """Write the objects ``(name, (xmin, ymin, xmax, ymax), difficult)``, each with a part."""
    texts = [
        f"""<object>
    <name>{name}</name><pose>Frontal</pose><truncated>0</truncated>
    <difficult>{difficult}</difficult>
    <bndbox><xmax>{box[2]}</xmax><xmin>{box[0]}</xmin>
      <ymax>{box[3]}</ymax><ymin>{box[1]}</ymin></bndbox>
    <part><name>head</name>
      <bndbox><xmin>2</xmin><ymin>2</ymin><xmax>4</xmax><ymax>4</ymax></bndbox></part>
  </object>"""
        for name, box, difficult in objects
    ]
    head = "<folder>VOC2012</folder><size><width>40</width><height>30</height></size>"
    file.write_text(f"<annotation>{head}{''.join(texts)}</annotation>")


def write_pets(folder, count=4):
    """Write both splits: photographs, trimaps, and lists of name, breed, animal and number."""
    place = folder / PETS
    (place / "images").mkdir(parents=True)
    (place / "annotations" / "trimaps").mkdir(parents=True)
    for number, split in enumerate(("trainval", "test")):
        names = [f"Maine_Coon_{10 * number + index}" for index in range(count)]
        lines = [f"{name} 1 1 1\n" for name in names]
        (place / "annotations" / f"{split}.txt").write_text("".join(lines))
        for index, name in enumerate(names):
            generator = np.random.default_rng(index)
            write_photograph(place / "images" / f"{name}.jpg", generator)
            trimap = generator.integers(1, 4, (30, 40), dtype=np.uint8)
            Image.fromarray(trimap).save(place / "annotations" / "trimaps" / f"{name}.png")
    return place


def write_photograph(file, generator):
    Image.fromarray(generator.integers(0, 256, (30, 40, 3), dtype=np.uint8)).save(file)
