"""Contract tests: whether what a plugin registers is what lemur, and its users, rely on.

Subclass `PluginContract` in a file that pytest collects and name your plugin module:

    from lemur_core.testing import PluginContract

    class TestContract(PluginContract):
        plugin = "lemur_tiny.plugin"

Each rule is a test of its own for each entry that you register.
"""

from lemur_core.testing.contract import PluginContract

__all__ = ["PluginContract"]
