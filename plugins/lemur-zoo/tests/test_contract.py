from lemur_core.testing import PluginContract

from .conftest import SMALL, run


class TestContract(PluginContract):
    plugin = "lemur_zoo.plugin"

    def importer_place(self, importer, folder):
        spec, place = folder / "few.toml", folder / "few"
        spec.write_text(SMALL.replace('["adam", "sgd"]', '"adam"'))
        run("make", spec, "--out", place, "--epochs", "1", "--db", folder / "lemur.db")
        return place
