"""Loaders with one fault each."""

from dataclasses import replace

import torch

from lemur_core.errors import MissingDataError
from lemur_core.kinds.loader import DataBundle, InMemory
from lemur_core.kinds.transform import Normalisation


def good(folder, task):
    images = torch.arange(40 * 64).reshape(40, 1, 8, 8).to(torch.uint8)
    samples = InMemory(images, torch.arange(40) % 3)
    return DataBundle(samples, samples, (3,), 0.34, Normalisation((0.5,), (0.3,)))


def of_a_file(folder, task):
    pixels = torch.frombuffer(bytearray((folder / "pixels").read_bytes()), dtype=torch.uint8)
    made = good(folder, task)
    return replace(made, train=InMemory(pixels.reshape(40, 1, 8, 8), made.train.targets))


def unseeded_split(folder, task):
    made = good(folder, task)
    order = torch.randperm(40)
    return replace(made, train=InMemory(made.train.inputs[order], made.train.targets[order]))


def names_missing_files(folder, task):
    return replace(good(folder, task), files=(folder / "pixels.gone",))


def broken_promise(folder, task):
    return good(folder, task)


def shuffled(samples):
    inputs, targets = zip(*samples, strict=True)
    order = torch.randperm(len(inputs))
    return torch.stack(inputs)[order], torch.stack(targets)[order]


def batches_at_random(folder, task):
    return replace(good(folder, task), collate=shuffled)


def target_out_of_range(folder, task):
    return replace(good(folder, task), out_shape=(2,))


def impossible_chance(folder, task):
    return replace(good(folder, task), chance=34.0)


def float_images(folder, task):
    made = good(folder, task)
    return replace(made, train=InMemory(made.train.inputs / 255, made.train.targets))


def flat_images(folder, task):
    made = good(folder, task)
    return replace(made, train=InMemory(made.train.inputs[:, 0], made.train.targets))


def normalised_as_colour(folder, task):
    return replace(good(folder, task), normalisation=Normalisation((0.5,) * 3, (0.3,) * 3))


def no_spread(folder, task):
    return replace(good(folder, task), normalisation=Normalisation((0.5,), (0.0,)))


_loaded = []


def one_more_each_time(folder, task):
    _loaded.append(None)
    made, count = good(folder, task), 20 + len(_loaded)
    samples = InMemory(made.train.inputs[:count], made.train.targets[:count])
    return replace(made, train=samples, validation=made.test)


def empty_split(folder, task):
    made = good(folder, task)
    return replace(made, test=InMemory(made.test.inputs[:0], made.test.targets[:0]))


def silent_about_files(folder, task):
    if (folder / "there").exists():
        return good(folder, task)
    raise MissingDataError("files are missing")


def no_data_prepared(folder, task):
    raise MissingDataError(f"no bad.bin in {folder}; get it from nowhere")


class Objects:
    """Images of 8x8 pixels with two objects, one changed."""

    def __init__(self, **changed):
        self.target = {
            "boxes": torch.tensor([[0.0, 0, 4, 4], [2, 2, 8, 7]]),
            "labels": torch.tensor([1, 2]),
            "area": torch.tensor([16.0, 30]),
            "iscrowd": torch.tensor([0, 0]),
            "image_id": 1,
            **changed,
        }

    def __len__(self):
        return 20

    def __getitem__(self, index):
        return torch.zeros(1, 8, 8, dtype=torch.uint8), self.target


def _of_objects(**changed):
    samples, normalisation = Objects(**changed), Normalisation((0.5,), (0.3,))
    return lambda folder, task: DataBundle(samples, samples, (3,), 0.0, normalisation)


objects_in_order = _of_objects()
box_outside = _of_objects(boxes=torch.tensor([[0.0, 0, 4, 4], [2, 2, 9, 7]]))
box_of_no_width = _of_objects(boxes=torch.tensor([[0.0, 0, 4, 4], [2, 2, 2, 7]]))
whole_numbers_for_boxes = _of_objects(boxes=torch.tensor([[0, 0, 4, 4], [2, 2, 8, 7]]))
label_of_the_background = _of_objects(labels=torch.tensor([1, 0]))
nameless_image = _of_objects(image_id=1.5)
masks_of_another_size = _of_objects(masks=torch.zeros(2, 4, 4, dtype=torch.uint8))
crowd_of_no_width = _of_objects(
    boxes=torch.tensor([[0.0, 0, 4, 4], [2, 2, 2, 7]]), iscrowd=torch.tensor([0, 1])
)


def random_sizes(folder):
    return [(torch.rand(()).item(), 8)]
