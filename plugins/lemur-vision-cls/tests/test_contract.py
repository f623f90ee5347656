import math

import pytest
import torch

from lemur_core.kinds.transform import Normalisation
from lemur_core.testing import PluginContract
from lemur_vision_cls.loaders.digits import load
from lemur_vision_cls.transforms.norm import Norm

from .loaders.writing import WRITERS

DIGITS = load(None, "img-classification").train


@pytest.mark.usefixtures("any_checksum")
class TestContract(PluginContract):
    plugin = "lemur_vision_cls.plugin"
    # Capturing a graph takes by far the longest of all rules. In evaluation, these nets have the
    # layers of another one, in other numbers and widths.
    not_compiled = not_exported = {
        name: f"it has the layers of {other}, which is compiled and exported"
        for name, other in {
            "AirNext": "AirNet",
            "DPN107": "DPN68",
            "DPN131": "DPN68",
            "InceptionV3-1": "InceptionV3-2",
        }.items()
    }
    metric_cases = {
        "acc": [([[2.0, 1.0], [0.0, 3.0], [1.0, 0.5], [0.2, 0.1]], [0, 1, 1, 0], 0.75)],
        "acc5": [
            ([[6.0, 5, 4, 3, 2, 1], [1.0, 2, 3, 4, 5, 6], [6.0, 5, 4, 3, 2, 1]], [4, 0, 5], 1 / 3)
        ],
        # Class 0: both are found, and one other; class 1: one of two. F1 is 4/5 and 2/3.
        "f1": [
            ([[2.0, 1.0], [0.0, 3.0], [1.0, 0.5], [0.2, 0.1]], [0, 1, 1, 0], (4 / 5 + 2 / 3) / 2)
        ],
        # The confidence is always 3/4, and half of the predictions are right.
        "ece": [([[math.log(3), 0.0], [0.0, math.log(3)]], [0, 0], 0.75)],
        # The predicted classes are 0, 2 and 1: off by 2, 0 and 1.
        "mae": [([[3.0, 1, 2], [1.0, 2, 3], [1.0, 3, 2]], [2, 2, 0], 1)],
        "rmse": [([[3.0, 1, 2], [1.0, 2, 3], [1.0, 3, 2]], [2, 2, 0], math.sqrt(5 / 3))],
    }

    def batch(self, net, channels, count):
        """Return some of the embedded digits, at the minimum size of the net."""
        resized = Norm(Normalisation((0.3,) * channels, (0.3,) * channels), net.min_size)
        images = resized(DIGITS.inputs[:count].expand(-1, channels, -1, -1))
        return images.to(getattr(torch, net.dtype)), DIGITS.targets[:count], (10,)

    def prepare_data(self, loader, folder):
        """Write a few samples in the dataset's official format; the digits are embedded."""
        if loader.name in WRITERS:
            WRITERS[loader.name](folder)
