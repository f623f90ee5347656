import numpy as np

from lemur_core.testing import PluginContract
from lemur_vision_cls.loaders import mnist


class TestContract(PluginContract):
    plugin = "lemur_vision_cls.plugin"
    metric_cases = {"acc": [([[2.0, 1.0], [0.0, 3.0], [1.0, 0.5], [0.2, 0.1]], [0, 1, 1, 0], 0.75)]}

    def prepare_data(self, loader, folder):
        """Write MNIST's four files with 30 images in each pair; the format is in loaders/idx.py."""
        (folder / "mnist").mkdir(exist_ok=True)
        pixels, classes = np.arange(30 * 28 * 28) % 256, np.arange(30) % 10
        for images, labels in (mnist.TRAIN, mnist.TEST):
            for name, values in ((images, pixels.reshape(30, 28, 28)), (labels, classes)):
                shape = np.array(values.shape, ">u4").tobytes()
                header = bytes((0, 0, 8, values.ndim)) + shape
                (folder / "mnist" / name).write_bytes(header + values.astype("u1").tobytes())
