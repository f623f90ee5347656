"""Write a few samples of each dataset in its official format.

Each function writes one dataset below a data folder, and returns what should be read back: images
and class indices by split for datasets in memory, otherwise files and class indices.
"""

import bz2
import pickle

import numpy as np
import torch
from PIL import Image
from scipy.io import savemat

from lemur_vision_cls.loaders import mnist

SPLITS = ("train", "test")


def random_images(count, *shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def idx_bytes(values):
    """The format is described in loaders/idx.py."""
    values = np.asarray(values, dtype=np.uint8)
    return (
        bytes((0, 0, 8, values.ndim)) + np.array(values.shape, ">u4").tobytes() + values.tobytes()
    )


def write_mnist(folder, place="mnist", count=20):
    """Four idx files."""
    (folder / place).mkdir(parents=True, exist_ok=True)
    written = {}
    for seed, (split, names) in enumerate((("train", mnist.TRAIN), ("test", mnist.TEST))):
        images, targets = random_images(count, 28, 28, seed=seed), np.arange(count) % 10
        for name, values in zip(names, (images, targets), strict=True):
            (folder / place / name).write_bytes(idx_bytes(values))
        written[split] = (images[:, None], targets)
    return written


def write_cifar_10(folder):
    """Pickles of five training batches and a test batch; rows have a plane per colour."""
    place = folder / "cifar-10-batches-py"
    names = [[f"data_batch_{number}" for number in range(1, 6)], ["test_batch"]]
    place.mkdir(parents=True)
    (place / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    return {
        split: _write_batches(place, batches, "labels", 10)
        for split, batches in zip(SPLITS, names, strict=True)
    }


def write_cifar_100(folder):
    """Pickles of one batch each, with fine and coarse labels."""
    place = folder / "cifar-100-python"
    place.mkdir(parents=True)
    (place / "meta").write_bytes(pickle.dumps({"fine_label_names": list(map(str, range(100)))}))
    return {split: _write_batches(place, [split], "fine_labels", 100) for split in SPLITS}


def _write_batches(place, names, key, classes, count=12):
    every, targets = [], []
    for name in names:
        images = random_images(count, 3072, seed=sum(map(ord, name)))
        labels = [(7 * at + len(targets)) % classes for at in range(count)]
        content = {"data": images, key: labels, "coarse_labels": [0] * count}
        (place / name).write_bytes(pickle.dumps(content, protocol=2))
        every.append(images.reshape(count, 3, 32, 32))
        targets += labels
    return np.concatenate(every), np.array(targets)


def write_svhn(folder, count=12):
    """Matlab files: X is (height, width, channel, image); in y, 10 means the digit 0."""
    (folder / "svhn").mkdir(parents=True)
    written = {}
    for seed, split in enumerate(SPLITS):
        images, targets = random_images(count, 3, 32, 32, seed=seed), np.arange(count) % 10
        labels = np.where(targets == 0, 10, targets)[:, None].astype(np.uint8)
        content = {"X": images.transpose(2, 3, 1, 0), "y": labels}
        savemat(folder / "svhn" / f"{split}_32x32.mat", content, do_compression=True)
        written[split] = (images, targets)
    return written


def write_usps(folder, count=12):
    """Compressed libsvm files: the label from 1, then index:value, values from -1 to 1."""
    (folder / "usps").mkdir(parents=True)
    written = {}
    for seed, (split, name) in enumerate(zip(SPLITS, ("usps.bz2", "usps.t.bz2"), strict=True)):
        levels = random_images(count, 256, seed=seed)
        targets = np.arange(count) % 10
        lines = [
            " ".join([str(label + 1), *(f"{at}:{v:.6f}" for at, v in enumerate(values, 1))])
            for label, values in zip(targets, levels / 127.5 - 1, strict=True)
        ]
        (folder / "usps" / name).write_bytes(bz2.compress("\n".join(lines).encode() + b"\n"))
        written[split] = (levels.reshape(count, 1, 16, 16), targets)
    return written


def write_stl_10(folder, count=12):
    """Binary files: three planes per image, each stored by column; labels from 1."""
    place = folder / "stl10_binary"
    place.mkdir(parents=True)
    written = {}
    for seed, split in enumerate(SPLITS):
        images, targets = random_images(count, 3, 96, 96, seed=seed), np.arange(count) % 10
        (place / f"{split}_X.bin").write_bytes(images.transpose(0, 1, 3, 2).tobytes())
        (place / f"{split}_y.bin").write_bytes((targets + 1).astype(np.uint8).tobytes())
        written[split] = (images, targets)
    return written


def write_image(file, size=(9, 7), mode="RGB", seed=0, **options):
    """Write an image of noise; the extension gives the format, the size is (width, height)."""
    file.parent.mkdir(parents=True, exist_ok=True)
    width, height = size
    shape = (height, width) if mode == "L" else (height, width, len(mode))
    Image.fromarray(random_images(1, *shape, seed=seed)[0]).save(file, **options)
    return file


def write_classes(folder, names, count, suffix, size, inside=""):
    """Write a number of images per class."""
    files = [
        (folder / name / inside / f"{name}_{number}{suffix}", target)
        for target, name in enumerate(names)
        for number in range(count)
    ]
    for seed, (file, _) in enumerate(files):
        write_image(file, size, seed=seed)
    return files


def wnids(count):
    return [f"n{2_000_000 + number:08}" for number in range(count)]


def write_imagenette(folder):
    """Two trees of WordNet ids."""
    place = folder / "imagenette2-320"
    return {
        "train": write_classes(place / "train", wnids(10), 3, ".JPEG", (32, 24)),
        "test": write_classes(place / "val", wnids(10), 1, ".JPEG", (24, 32)),
    }


def write_tiny_imagenet(folder):
    """A training tree with boxes beside the images of each class, and a list for the others."""
    place = folder / "tiny-imagenet-200"
    train = write_classes(place / "train", wnids(200), 2, ".JPEG", (64, 64), inside="images")
    for name in wnids(200):
        (place / "train" / name / f"{name}_boxes.txt").write_text(f"{name}_0.JPEG\t0\t0\t63\t63\n")
    targets = [5, 199, 0, 17]
    files = [
        write_image(place / "val" / "images" / f"val_{at}.JPEG", (64, 64), seed=at)
        for at in range(len(targets))
    ]
    lines = [
        f"{file.name}\t{wnids(200)[target]}\t0\t32\t44\t62\n"
        for file, target in zip(files, targets, strict=True)
    ]
    (place / "val" / "val_annotations.txt").write_text("".join(lines))
    return {"train": train, "test": list(zip(files, targets, strict=True))}


def write_imagenet_1k(folder, flat=False):
    """Two trees of WordNet ids, or ``val`` as published with torchvision's file of labels."""
    place = folder / "imagenet-1k"
    train = write_classes(place / "train", wnids(1000), 2, ".JPEG", (8, 8))
    if not flat:
        return {
            "train": train,
            "test": write_classes(place / "val", wnids(1000), 1, ".JPEG", (8, 8)),
        }
    targets = [3, 999, 0]
    names = [f"ILSVRC2012_val_{number:08}.JPEG" for number in range(1, len(targets) + 1)]
    files = [write_image(place / "val" / name, seed=at) for at, name in enumerate(names)]
    names = {name: (name,) for name in wnids(1000)}
    torch.save((names, [wnids(1000)[target] for target in targets]), place / "meta.bin")
    return {"train": train, "test": list(zip(files, targets, strict=True))}


def write_places365(folder):
    """Lists of files and classes, and images in several folders."""
    place = folder / "places365"
    train = [("/a/airfield/00000001.jpg", 0), ("/a/airfield/00000002.jpg", 0)]
    train += [(f"/z/zen_garden/{number:08}.jpg", 364) for number in range(1, 20)]
    val = [("Places365_val_00000001.jpg", 364), ("Places365_val_00000002.jpg", 0)]
    written = {}
    for split, images, listed, name in (
        ("train", "data_256_standard", train, "train_standard"),
        ("test", "val_256", val, "val"),
    ):
        files = [(place / images / file.lstrip("/"), target) for file, target in listed]
        for seed, (file, _) in enumerate(files):
            write_image(file, (256, 256), seed=seed)
        lines = [f"{file} {target}\n" for file, target in listed]
        (place / f"places365_{name}.txt").write_text("".join(lines))
        written[split] = files
    (place / "categories_places365.txt").write_text("/a/airfield 0\n/z/zen_garden 364\n")
    return written


def write_celeba_gender(folder, count=30):
    """A table of attributes, -1 or 1, a table of splits, and a folder of faces."""
    place = folder / "celeba"
    names = [f"{number:06}.jpg" for number in range(1, count + 1)]
    files = [
        write_image(place / "img_align_celeba" / name, (178, 218), seed=at)
        for at, name in enumerate(names)
    ]
    male = [at % 3 == 0 for at in range(count)]
    parts = [0 if at < count - 6 else 1 + at % 2 for at in range(count)]
    rows = [
        f"{name}  1 {1 if is_male else -1} -1\n" for name, is_male in zip(names, male, strict=True)
    ]
    header = f"{count}\nSmiling Male Young \n"
    (place / "list_attr_celeba.txt").write_text(header + "".join(rows))
    lines = [f"{name} {part}\n" for name, part in zip(names, parts, strict=True)]
    (place / "list_eval_partition.txt").write_text("".join(lines))
    return {
        split: [(files[at], int(male[at])) for at in range(count) if parts[at] == part]
        for part, split in enumerate(("train", "validation", "test"))
    }


def write_eurosat(folder):
    """One tree."""
    names = [f"Class{letter}" for letter in "ABCDEFGHIJ"]
    place = folder / "eurosat" / "2750"
    return {"all": write_classes(place, names, 5, ".jpg", (64, 64))}


def write_concrete(folder):
    """One tree, in the folder that the archive creates."""
    place = folder / "concrete" / "Concrete Crack Images for Classification"
    return {"all": write_classes(place, ("Negative", "Positive"), 10, ".jpg", (227, 227))}


def write_natural(folder):
    """Two trees, each in a folder of the same name, and images without labels."""
    names = ("buildings", "forest", "glacier", "mountain", "sea", "street")
    place = folder / "natural"
    write_image(place / "seg_pred" / "seg_pred" / "5.jpg", (150, 150))
    return {
        "train": write_classes(place / "seg_train" / "seg_train", names, 3, ".jpg", (150, 150)),
        "test": write_classes(place / "seg_test" / "seg_test", names, 1, ".jpg", (150, 113)),
    }


def write_insects(folder):
    """One tree, whose folders are numbers of species at GBIF."""
    names = [f"{4_470_000 + 7 * number}" for number in range(291)]
    return {"all": write_classes(folder / "insects", names, 5, ".jpg", (9, 12))}


def write_powerline(folder):
    """Two folders, in which the names of images give their classes, with and without a line."""
    place = folder / "powerline" / "Power_Line_Database (Infrared-IR and Visible Light-VL)"
    (place / "__MACOSX").mkdir(parents=True)
    (place / "Licence.txt").write_text("MIT")
    files = [
        (place / inside / f"{prefix}_{kind}_{number:04}.bmp", int(prefix == "TV"))
        for inside, kind in (("Infrared (IR)", "IR"), ("Visible Light (VL)", "VL"))
        for prefix in ("TV", "TY")
        for number in range(1, 6)
    ]
    for seed, (file, _) in enumerate(files):
        write_image(file, (128, 128), "L" if "IR" in file.name else "RGB", seed=seed)
    return {"all": files}


# Lesions, the diagnosis of each, and the number of its photographs.
DIAGNOSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
LESIONS = [(f"HAM_{at:07}", DIAGNOSES[at % 7], 1 + at % 3) for at in range(210)]


def write_ham10000(folder, separator=",", name="HAM10000_metadata"):
    """A table and two folders of images, as at Dataverse."""
    place = folder / "ham10000"
    columns = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization", "dataset")
    lines, files = [separator.join(columns)], []
    for lesion, diagnosis, count in LESIONS:
        for _ in range(count):
            number = len(files)
            image = f"ISIC_{24306 + number:07}"
            part = place / f"HAM10000_images_part_{1 + number % 2}"
            file = write_image(part / f"{image}.jpg", (12, 9), seed=number)
            files.append((file, DIAGNOSES.index(diagnosis)))
            row = (lesion, image, diagnosis, "histo", "80.0", "male", "scalp", "vidir_modern")
            lines.append(separator.join(row))
    (place / name).write_text("\n".join(lines) + "\n")
    return {"all": files}


# Labels in the files, most with the class that they are.
CORAL_LABELS = (
    ("CCA", 0), ("turf", 1), ("Turf", 1), ("Macro", 2), ("Sand", 3), ("Acrop", 4), ("Off", None),
    ("Pavon", 5), ("MONTI", 6), ("Pocill", 7), ("Porit", 8), ("P. Rus", None),
)  # fmt: skip


def write_mlc2008(folder, photographs=10, size=(400, 380), labels=CORAL_LABELS):
    """Photographs, each with a list of points beside it."""
    place = folder / "mlc2008" / "2008"
    written = []
    for number in range(photographs):
        name = f"mcr_lter1_fringingreef_pole1-2_qu{number}_20080415.jpg"
        image = write_image(place / name, size, seed=number)
        random = np.random.default_rng(number)
        points = [
            (int(random.integers(0, size[1])), int(random.integers(0, size[0])), *label)
            for label in labels
        ]
        lines = [
            "# Row; Col; Label",
            *(f"{row}; {column}; {name}" for row, column, name, _ in points),
        ]
        (place / f"{name}.txt").write_text("\n".join(lines) + "\n")
        written += [(image, target, row, column)
                    for row, column, _, target in points if target is not None]  # fmt: skip
    return {"all": written}


def write_folder(folder):
    """One tree, images of several sizes."""
    return {
        "all": [
            (write_image(folder / name / f"{number}.png", (40 + number, 36)), target)
            for target, name in enumerate(("cat", "dog"))
            for number in range(10)
        ]
    }


IN_MEMORY = {
    "mnist": write_mnist,
    "fashion-mnist": lambda folder: write_mnist(folder, "fashion-mnist"),
    "cifar-10": write_cifar_10,
    "cifar-100": write_cifar_100,
    "svhn": write_svhn,
    "usps": write_usps,
    "stl-10": write_stl_10,
}
IN_FILES = {
    "imagenette": write_imagenette,
    "tiny-imagenet": write_tiny_imagenet,
    "imagenet-1k": write_imagenet_1k,
    "places365": write_places365,
    "celeba-gender": write_celeba_gender,
    "eurosat": write_eurosat,
    "concrete": write_concrete,
    "natural": write_natural,
    "insects": write_insects,
    "powerline": write_powerline,
    "ham10000": write_ham10000,
    "folder": write_folder,
}
WRITERS = {
    "mnist-10k": write_mnist,
    # Without points that are left out with a warning.
    "mlc2008": lambda folder: write_mlc2008(folder, labels=CORAL_LABELS[:6]),
    **IN_MEMORY,
    **IN_FILES,
}
