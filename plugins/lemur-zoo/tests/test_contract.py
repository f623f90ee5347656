from lemur_core.testing import PluginContract


class TestContract(PluginContract):
    plugin = "lemur_zoo.plugin"
