import pytest

from lemur_core.testing import PluginContract
from lemur_scenes.drawing.coco_files import write_scenes
from lemur_scenes.loaders.digits_scenes import COUNT, NAME, SIZE, folder_name

from .coco_files import write_coco
from .official import write_pets, write_voc

WRITERS = {"coco": write_coco, "voc-2012": write_voc, "oxford-iiit-pet": write_pets}


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """Draw the embedded scenes once, in the cache of a user."""
    cache = tmp_path_factory.mktemp("cache")
    scenes = cache / "lemur" / NAME / folder_name(SIZE, COUNT)
    scenes.mkdir(parents=True)
    write_scenes(scenes, SIZE, COUNT)
    return cache


@pytest.fixture
def cache(drawn, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(drawn))


@pytest.mark.usefixtures("cache")
class TestContract(PluginContract):
    plugin = "lemur_scenes.plugin"

    def prepare_data(self, loader, folder):
        """Write a few samples in the official format of datasets that are not embedded."""
        if loader.name in WRITERS:
            WRITERS[loader.name](folder)
