import pytest

from lemur_core.testing import PluginContract

from .loaders.writing import WRITERS


@pytest.mark.usefixtures("any_checksum")
class TestContract(PluginContract):
    plugin = "lemur_vision_cls.plugin"
    metric_cases = {"acc": [([[2.0, 1.0], [0.0, 3.0], [1.0, 0.5], [0.2, 0.1]], [0, 1, 1, 0], 0.75)]}

    def prepare_data(self, loader, folder):
        """Write a few samples in the data set's official format; the digits are embedded."""
        if loader.name in WRITERS:
            WRITERS[loader.name](folder)
