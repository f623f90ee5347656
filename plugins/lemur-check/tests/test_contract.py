from lemur_core.testing import PluginContract


class TestContract(PluginContract):
    plugin = "lemur_check.plugin"
