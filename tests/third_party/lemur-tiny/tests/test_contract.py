from lemur_core.testing import PluginContract


class TestContract(PluginContract):
    plugin = "lemur_tiny.plugin"
    metric_cases = {
        "top3": [([[9.0, 8, 7, 0], [9, 8, 7, 0], [0, 1, 2, 3], [0, 0, 9, 1]], [2, 3, 0, 3], 0.5)]
    }

    def importer_place(self, importer, folder):
        place = folder / "curves.csv"
        place.write_text(
            "net,seed,lr,epoch,accuracy\nTinyConv,1,0.1,1,0.5\nTinyConv,1,0.1,2,0.75\n"
        )
        return place
