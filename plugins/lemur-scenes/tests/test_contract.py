from lemur_core.testing import PluginContract

from .coco_files import write_coco
from .official import write_pets, write_voc

WRITERS = {"coco": write_coco, "voc-2012": write_voc, "oxford-iiit-pet": write_pets}


class TestContract(PluginContract):
    plugin = "lemur_scenes.plugin"

    def prepare_data(self, loader, folder):
        """Write a few samples in the data set's official format, where none are embedded."""
        if loader.name in WRITERS:
            WRITERS[loader.name](folder)
