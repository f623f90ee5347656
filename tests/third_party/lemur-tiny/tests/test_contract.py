from lemur_core.testing import PluginContract


class TestContract(PluginContract):
    plugin = "lemur_tiny.plugin"
    metric_cases = {
        "top3": [([[9.0, 8, 7, 0], [9, 8, 7, 0], [0, 1, 2, 3], [0, 0, 9, 1]], [2, 3, 0, 3], 0.5)]
    }
