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


def unseeded_split(folder, task):
    made = good(folder, task)
    order = torch.randperm(40)
    return replace(made, train=InMemory(made.train.inputs[order], made.train.targets[order]))


def broken_promise(folder, task):
    return good(folder, task)


def target_out_of_range(folder, task):
    return replace(good(folder, task), out_shape=(2,))


def silent_about_files(folder, task):
    if (folder / "there").exists():
        return good(folder, task)
    raise MissingDataError("files are missing")


def no_data_prepared(folder, task):
    raise MissingDataError(f"no bad.bin in {folder}; get it from nowhere")
