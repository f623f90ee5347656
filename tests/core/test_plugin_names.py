"""Names of plugins that are not installed."""

import sys
from types import ModuleType

import pytest

import lemur_core
from lemur_core.errors import MissingPluginError, PluginError
from lemur_core.plugin_names import check_provided


def test_check_is_that_of_the_plugin_if_installed(monkeypatch):
    module = ModuleType("lemur_check.check")
    module.check = object()
    monkeypatch.setitem(sys.modules, "lemur_check", ModuleType("lemur_check"))
    monkeypatch.setitem(sys.modules, "lemur_check.check", module)
    assert lemur_core.check is module.check


def test_check_names_the_distribution_to_install_if_missing(monkeypatch):
    # Like an import of a package that is not installed.
    monkeypatch.setitem(sys.modules, "lemur_check", None)
    monkeypatch.delitem(sys.modules, "lemur_check.check", raising=False)
    with pytest.raises(MissingPluginError) as raised:
        from lemur_core import check  # noqa: F401
    assert str(raised.value) == (
        "lemur_core.check needs the plugin lemur-check: pip install lemur-check"
    )


def test_what_a_plugin_itself_lacks_is_not_hidden(monkeypatch):
    monkeypatch.setitem(sys.modules, "lemur_check", ModuleType("lemur_check"))
    monkeypatch.delitem(sys.modules, "lemur_check.check", raising=False)
    with pytest.raises(ModuleNotFoundError) as raised:
        _ = lemur_core.check
    assert not isinstance(raised.value, MissingPluginError)


def test_a_plugin_that_is_disabled_is_not_to_be_installed(monkeypatch):
    monkeypatch.setattr("lemur_core.plugin_names.find_spec", lambda package: object())
    with pytest.raises(PluginError) as raised:
        check_provided("command", "check")
    assert str(raised.value) == (
        "command 'check' needs the plugin lemur-check, which is disabled or was left out; "
        "see lemur doctor"
    )
    check_provided("command", "chek")
