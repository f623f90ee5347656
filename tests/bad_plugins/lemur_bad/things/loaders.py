"""Loaders that are right but for one thing."""

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


def broken_promise(folder, task):
    return good(folder, task)


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
