"""Tasks with one fault each."""

import torch

from lemur_core.kinds.task import Task, WrongLabel


def no_task():
    return None


class BlamesItself(Task):
    def batch(self, count, channels, size, dtype):
        images = torch.zeros(count, channels, size, size, dtype=dtype)
        return images, torch.arange(count), (2,)

    def wrong_label(self, target, classes):
        value = int(target)
        return WrongLabel(value, f"is {value}") if value >= classes else None


class DrawsWithoutStyle(Task):
    drawer = "lemur_bad.things.tasks:draw"


def draw(example):
    return None


class HasNoRows(Task):
    columns = ("class",)
