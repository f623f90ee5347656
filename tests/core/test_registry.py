import sys
from dataclasses import dataclass
from types import ModuleType

import pytest

from lemur_core import Entry, hookimpl
from lemur_core.errors import AmbiguousNameError, UnknownNameError
from lemur_core.registry import HOOKS, KINDS, Registry, installed

LINEAR = "lemur_toy.nets.Linear"


@dataclass
class Source:
    """An entry point whose module is made by a function."""

    name: str
    make: object

    def load(self):
        return self.make()


def module(**hooks):
    made = ModuleType("plugin")
    for name, function in hooks.items():
        setattr(made, name, hookimpl(function))
    return made


def plugin(name, *nets, target=LINEAR):
    entries = [Entry(net, target) for net in nets]
    return Source(name, lambda: module(lemur_register_nets=lambda: entries))


def registry_of(*sources):
    registry = Registry()
    for source in sources:
        registry.add(source)
    return registry


def test_installed_plugins_are_found_by_their_entry_point(toys):
    assert list(toys.plugins) == ["toy"]
    assert (toys.plugins["toy"].distribution, toys.plugins["toy"].version) == ("lemur-toy", "1.2")


def test_a_plugin_is_switched_off_by_the_environment(monkeypatch):
    monkeypatch.setenv("LEMUR_DISABLE_PLUGINS", "toy, vision-cls")
    installed.cache_clear()
    assert "toy" not in installed().plugins
    assert "toy" in installed().disabled


def broken_import():
    raise RuntimeError("no luck\ntoday")


def exits():
    sys.exit("bye")


def half():
    return [Entry("Good", LINEAR), "Bad"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (Source("p", broken_import), "RuntimeError: no luck"),
        (Source("p", exits), "SystemExit: bye"),
        (
            Source("p", lambda: module(lemur_register_net=half)),
            "PluginValidationError: unknown hook 'lemur_register_net' in plugin",
        ),
        (
            Source("p", lambda: module(lemur_register_nets=half)),
            "lemur_register_nets gives 'Bad'; expected an Entry",
        ),
        (
            Source("p", lambda: module(lemur_register_nets=lambda: 3)),
            "lemur_register_nets gives int; expected entries",
        ),
        (plugin("p", "Twice", "Twice"), "lemur_register_nets gives net 'Twice' 2 times"),
        (
            plugin("p", "Lin_ear"),
            "net 'Lin_ear': '_' separates a pipeline's parts; use '-'",
        ),
        (
            plugin("p", "Net", target="lemur_toy.nets.Nowhere"),
            "entry 'Net': there is no module 'lemur_toy.nets.Nowhere'",
        ),
    ],
)
def test_a_plugin_that_cannot_be_taken_is_left_out_whole(source, reason, toys):
    registry = registry_of(source, plugin("good", "Linear"))
    assert list(registry.plugins) == ["good"]
    assert [full for full, _ in registry.entries("net")] == ["good/Linear"]
    [failure] = registry.failures
    assert failure.name == "p"
    assert failure.reason.startswith(reason)
    assert "Traceback" in failure.traceback


def test_a_second_plugin_of_one_name_is_left_out():
    registry = registry_of(plugin("p", "A"), plugin("p", "B"))
    assert list(registry.names("net")) == ["A"]
    assert registry.failures[0].reason == "a plugin named 'p' is installed already"


def test_a_short_name_works_while_it_is_unambiguous(toys):
    registry = registry_of(plugin("one", "A", "B"), plugin("two", "B"))
    assert list(registry.names("net")) == ["A", "one/B", "two/B"]
    assert registry.get("net", "A").name == "A"
    assert registry.get("net", "two/B").name == "B"
    with pytest.raises(AmbiguousNameError) as caught:
        registry.get("net", "B")
    assert str(caught.value) == "net 'B' is in several plugins; say which: one/B, two/B"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("linear", "unknown net 'linear'. Did you mean 'Linear'?"),
        ("zebra", "unknown net 'zebra'; there are Linear, Tall"),
    ],
)
def test_an_unknown_name_gets_near_matches_or_what_there_is(name, message, toys):
    registry = registry_of(plugin("p", "Linear", "Tall"))
    with pytest.raises(UnknownNameError) as caught:
        registry.get("net", name)
    assert str(caught.value) == message


def test_each_kind_has_a_documented_hook():
    from lemur_core import hookspecs

    for hook in (
        *HOOKS.values(),
        "lemur_trial_started",
        "lemur_epoch_ended",
        "lemur_trial_finished",
    ):
        assert getattr(hookspecs, hook).__doc__
    assert KINDS == (
        "net", "loader", "transform", "metric", "estimator", "exporter", "command",
    )  # fmt: skip
