"""Contract tests for plugins: they check that entries behave as lemur and its users expect.

Subclass `PluginContract` in a file that pytest collects, and name your plugin module:

    from lemur_core.testing import PluginContract

    class TestContract(PluginContract):
        plugin = "lemur_tiny.plugin"

Each rule becomes a separate test for each entry that the plugin registers.
"""

from lemur_core.testing.contract import PluginContract

__all__ = ["PluginContract"]
