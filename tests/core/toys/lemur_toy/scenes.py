"""Scenes with masks or boxes, and what is needed to train on them."""

import torch
from torch import nn

from lemur_core.kinds.loader import IGNORED, DataBundle
from lemur_core.kinds.transform import Normalisation

SIDE = 8
GREY = 60
BOX = (1.0, 2.0, 5.0, 7.0)


class Samples:
    def __init__(self, samples):
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


def mask(number):
    """Class 1 on the left, 2 below, 0 elsewhere; the corner above on the right does not count."""
    classes = torch.zeros(SIDE, SIDE, dtype=torch.int64)
    classes[:, : 1 + number % 3] = 1
    classes[6:] = 2
    classes[0, -1] = IGNORED
    return classes


def image_of(classes):
    """Each class has a grey of its own."""
    return (GREY * classes.clamp(min=0)).to(torch.uint8)[None]


def bundle(sample, names=()):
    splits = (Samples([sample(number) for number in range(count)]) for count in (6, 3, 4))
    train, validation, test = splits
    normalisation = Normalisation((0.25,), (0.5,))
    return DataBundle(train, test, (3,), 0.0, normalisation, validation, names)


def masks(folder, task):
    return bundle(lambda number: (image_of(mask(number)), mask(number)), ("ground", "left", "low"))


def boxes(folder, task):
    def sample(number):
        target = {
            "boxes": torch.tensor([BOX]),
            "labels": torch.tensor([1]),
            "iscrowd": torch.tensor([0]),
        }
        return image_of(mask(number)), target

    return bundle(sample)


class Joint(nn.Module):
    def __init__(self, normalisation):
        super().__init__()
        self.mean, self.std = normalisation.mean[0], normalisation.std[0]

    def pair(self, image, target):
        return (image / 255 - self.mean) / self.std, target


class Aging(nn.Module):
    """Counts its epochs, and is right in the second only."""

    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.age = nn.Parameter(torch.zeros(()), requires_grad=False)

    def train_setup(self, prm):
        pass

    def learn(self, train_data):
        self.age += 1

    @property
    def right(self):
        return self.age == 2


class Score:
    def __init__(self, out_shape):
        self.reset()

    def reset(self):
        self.scores = []

    def compute(self):
        return sum(self.scores) / len(self.scores)


class Pixels(Score):
    def update(self, outputs, targets):
        self.scores.append((outputs.argmax(1) == targets).float().mean().item())


class Sure(Score):
    def update(self, outputs, targets):
        self.scores += [float(output["scores"][0]) for output in outputs]
