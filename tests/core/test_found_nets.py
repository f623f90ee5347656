"""Nets that plugins find by name."""

from contextlib import suppress

import pytest

from lemur_core import Entry, hookimpl
from lemur_core.campaign.plan import plan
from lemur_core.errors import PatternError, PluginError, SettingsError, UnknownNameError
from lemur_core.registry import Registry
from lemur_core.settings import Settings
from lemur_core.store.database import open_database

TASKS = ("img-classification",)


@pytest.fixture
def plan_with(toys, db, monkeypatch):
    """Plan a campaign with plugins that find nets; the toys are installed."""
    open_database(db, create=True).dispose()

    def ask(*finds, calls=None, **settings):
        registry = Registry()
        for number, find in enumerate(finds):

            class Plugin:
                @hookimpl
                def lemur_find_nets(self, names, db, find=find):
                    if calls is not None:
                        calls.append((sorted(names), db))
                    if isinstance(find, BaseException):
                        raise find
                    return find

            registry.manager.register(Plugin(), f"finder-{number}")
        registry.plugins.update(toys.plugins)
        return plan(Settings.of({"db": str(db), **settings}), registry)

    return ask


@pytest.fixture
def entry(tmp_path):
    file = tmp_path / "Mine.py"
    file.write_text("class Net: pass\n")
    return Entry("Mine", str(file), TASKS, summary="found in a drawer")


def test_a_net_that_a_plugin_finds_can_be_trained_by_its_name(plan_with, entry, db):
    calls = []
    planned = plan_with([], [entry], calls=calls, net=["Mine", "Linear"], dataset=["blobs"])
    assert sorted(pipeline.net for pipeline in planned.pipelines) == ["Linear", "Mine"]
    assert planned.found_nets == {"Mine": "found in a drawer"}
    assert calls == [(["Mine"], str(db))] * 2


@pytest.mark.parametrize(
    "settings",
    [{"net": ["Linear"]}, {"net": ["Min*"]}, {}, {"net": ["Mine"], "db": "absent.db"}],
    ids=["installed", "wildcard", "none named", "no database"],
)
def test_plugins_are_not_asked_if_no_net_is_missing(plan_with, entry, settings):
    calls = []
    # No pattern matches a net that is not found.
    with suppress(PatternError, UnknownNameError):
        plan_with([entry], calls=calls, **settings)
    assert calls == []


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (ValueError("no\nmore"), "failed: ValueError: no"),
        (SystemExit(3), "failed: SystemExit: 3"),
        (7, "failed: TypeError: 'int' object is not iterable"),
        (["Mine"], "gives 'Mine'; expected entries named Mine"),
    ],
)
def test_a_hook_that_fails_is_reported_in_one_line(plan_with, result, message):
    with pytest.raises(PluginError) as raised:
        plan_with(result, net=["Mine"])
    assert str(raised.value) == f"a plugin's lemur_find_nets {message}"


def test_a_plugin_can_reject_a_name(plan_with):
    with pytest.raises(SettingsError, match="^net 'Mine' is 2 sources$"):
        plan_with(SettingsError("net 'Mine' is 2 sources"), net=["Mine"])


def test_an_entry_of_another_name_is_refused(plan_with, tmp_path):
    with pytest.raises(PluginError, match="expected entries named Mine$"):
        plan_with([Entry("Other", str(tmp_path / "Other.py"), TASKS)], net=["Mine"])
