import math

import numpy as np

from lemur_core.testing import PluginContract
from lemur_vision_cls.loaders import mnist


class TestContract(PluginContract):
    plugin = "lemur_vision_cls.plugin"
    metric_cases = {
        "acc": [([[2.0, 1.0], [0.0, 3.0], [1.0, 0.5], [0.2, 0.1]], [0, 1, 1, 0], 0.75)],
        "acc5": [
            ([[6.0, 5, 4, 3, 2, 1], [1.0, 2, 3, 4, 5, 6], [6.0, 5, 4, 3, 2, 1]], [4, 0, 5], 1 / 3)
        ],
        # Of class 0 both are found beside one that is none, of class 1 one of two: 4/5 and 2/3.
        "f1": [
            ([[2.0, 1.0], [0.0, 3.0], [1.0, 0.5], [0.2, 0.1]], [0, 1, 1, 0], (4 / 5 + 2 / 3) / 2)
        ],
        # Sure to 3/4 each time, and right half the time.
        "ece": [([[math.log(3), 0.0], [0.0, math.log(3)]], [0, 0], 0.75)],
    }

    def prepare_data(self, loader, folder):
        """Write MNIST's four files with 30 images in each pair; the format is in loaders/idx.py."""
        (folder / "mnist").mkdir(exist_ok=True)
        pixels, classes = np.arange(30 * 28 * 28) % 256, np.arange(30) % 10
        for images, labels in (mnist.TRAIN, mnist.TEST):
            for name, values in ((images, pixels.reshape(30, 28, 28)), (labels, classes)):
                shape = np.array(values.shape, ">u4").tobytes()
                header = bytes((0, 0, 8, values.ndim)) + shape
                (folder / "mnist" / name).write_bytes(header + values.astype("u1").tobytes())
