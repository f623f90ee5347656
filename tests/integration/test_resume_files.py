"""A trial on images in files, loaded by processes, is killed and resumes with the same results."""

import os
import signal
import sqlite3
from contextlib import closing

import numpy as np
import psutil
import pytest
from PIL import Image

from lemur_core import data

from .test_run import lemur

# 90 % of the images are for training; from 2,000 images on, processes load them if there are
# several threads.
TRAIN, TEST, EPOCHS = 2_240, 40, 4
# Dropout draws random numbers for each batch, the transform for each image.
NET = """
import torch
from torch import nn
from lemur_core.kinds.net import TRAINING, Classifier

def supported_hyperparameters():
    return TRAINING

class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.layers = nn.Sequential(
            nn.Conv2d(in_shape[1], 8, 3, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(3),
            nn.Flatten(), nn.Dropout(0.2), nn.Linear(72, *out_shape),
        )

    def forward(self, images):
        return self.layers(images)
"""
RUN = (
    "run", "--dataset", "folder", "--data", ".", "--net", "Drawing.py", "--metric", "acc",
    "-t", 1, "-e", EPOCHS, "--threads", 2, "--batch", 64, "--lr", 0.05,
    "--transform", "randcrop_flip_32",
)  # fmt: skip


def write_images(folder, count):
    """Write noise images of two classes: bright at the left, and bright at the right."""
    drawn = np.random.default_rng(count)
    for number in range(count):
        pixels = drawn.integers(0, 160, (8, 8), dtype=np.uint8)
        half = number % 2
        pixels[:, 4 * half : 4 * half + 4] += 40
        place = folder / ["left", "right"][half]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{number}.png")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    (root / "Drawing.py").write_text(NET)
    write_images(root / "folder" / "train", TRAIN)
    write_images(root / "folder" / "test", TEST)
    return root


def numbers(db):
    frame = data(db=db)
    return frame[["epoch", "loss", "validation", "accuracy"]].to_dict("records")


def interrupt(warm, folder, arguments, epoch, sign):
    """Run a campaign until an epoch has ended, then send it a signal."""
    reads, writes = os.pipe()
    campaign = warm.start(folder, *arguments, stdout=writes)
    os.close(writes)
    with open(reads) as output:
        for line in output:
            if f"epoch {epoch}/" in line:
                break
        started = psutil.Process(campaign.pid).children(recursive=True)
        campaign.send_signal(sign)
        output.read()
    campaign.wait()
    assert len(started) > 2, "no processes loaded the images"
    assert not psutil.wait_procs(started, timeout=30)[1]


def test_a_killed_trial_resumes_with_the_results_of_an_uninterrupted_one(images, warm):
    chosen = (*RUN, "--db")
    whole, resumed = images / "whole.db", images / "resumed.db"
    ran = lemur(images, *chosen, whole, "-q")
    assert ran.returncode == 0, ran.stderr
    interrupt(warm, images, (*chosen, resumed), 1, signal.SIGKILL)
    interrupt(warm, images, (*chosen, resumed), 2, signal.SIGINT)
    assert len(numbers(resumed)) < EPOCHS
    ran = warm.run(images, *chosen, resumed, "-q")
    assert ran.returncode == 0, ran.stderr
    assert numbers(resumed) == numbers(whole)
    assert len({row["loss"] for row in numbers(whole)}) == EPOCHS
    with closing(sqlite3.connect(resumed)) as connection:
        [(uid,)] = connection.execute("select uid from trial").fetchall()
    again = warm.run(images, "reproduce", uid, "--db", resumed, "--data", ".", "--threads", 2)
    assert again.stdout.splitlines()[-1] == "the same", again.stdout + again.stderr
