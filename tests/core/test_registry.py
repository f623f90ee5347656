import sys
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import pytest

from lemur_core import Entry, hookimpl
from lemur_core.errors import AmbiguousNameError, UnknownNameError
from lemur_core.kind import BUILT_IN, Kind
from lemur_core.registry import Registry, installed

LINEAR = "lemur_toy.nets.Linear"


@dataclass
class Source:
    """An entry point whose module is returned by a function."""

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
    assert list(toys.plugins) == ["core", "toy"]
    assert (toys.plugins["toy"].distribution, toys.plugins["toy"].version) == ("lemur-toy", "1.2")


def test_plugin_can_be_disabled_by_an_environment_variable(monkeypatch):
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
            "lemur_register_nets returns 'Bad'; expected an Entry",
        ),
        (
            Source("p", lambda: module(lemur_register_nets=lambda: 3)),
            "lemur_register_nets returns int; expected entries",
        ),
        (plugin("p", "Twice", "Twice"), "lemur_register_nets returns net 'Twice' 2 times"),
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
def test_invalid_plugin_is_left_out_completely(source, reason, toys):
    registry = registry_of(source, plugin("good", "Linear"))
    assert list(registry.plugins) == ["good"]
    assert [full for full, _ in registry.entries("net")] == ["good/Linear"]
    [failure] = registry.failures
    assert failure.name == "p"
    assert failure.reason.startswith(reason)
    assert "Traceback" in failure.traceback


def test_second_plugin_with_the_same_name_is_left_out():
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
    assert str(caught.value) == "net 'B' is in several plugins; use one of one/B, two/B"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("linear", "unknown net 'linear'. Did you mean 'Linear'?"),
        ("zebra", "unknown net 'zebra'; there are Linear, Tall"),
    ],
)
def test_unknown_name_suggests_near_matches_or_lists_names(name, message, toys):
    registry = registry_of(plugin("p", "Linear", "Tall"))
    with pytest.raises(UnknownNameError) as caught:
        registry.get("net", name)
    assert str(caught.value) == message


def test_each_kind_has_a_documented_hook():
    from lemur_core import hookspecs

    hooks = vars(hookspecs.registering(BUILT_IN))
    for kind in BUILT_IN:
        assert hooks[kind.hook].__doc__ == (
            f"Return the {kind.plural}; `{kind.contract}` documents their interface."
        )
    for hook in dir(hookspecs):
        if hook.startswith("lemur_"):
            assert getattr(hookspecs, hook).__doc__


@pytest.mark.parametrize("kind", BUILT_IN, ids=lambda kind: kind.name)
def test_modules_named_in_the_table_of_kinds_exist(kind):
    assert kind.summary
    assert import_module(kind.contract).__doc__
    for target in filter(None, (kind.details, kind.rules)):
        assert callable(Entry(kind.name, target).load())


ZOO = Kind("zoo", "lemur_register_zoos", "lemur_toy.plugin")
BRINGS = {"lemur_register_kinds": lambda: [ZOO]}


def zoos(*names, **more):
    entries = [Entry(name, LINEAR) for name in names]
    return module(lemur_register_zoos=lambda: entries, **more)


@pytest.mark.parametrize("first", [True, False])
def test_any_plugin_can_register_entries_of_a_declared_kind(first, toys):
    declaring = Source("one", lambda: zoos("A", **BRINGS))
    registering = Source("two", lambda: zoos("B"))
    registry = Registry()
    registry.add(*([declaring, registering] if first else [registering, declaring]))
    assert registry.failures == []
    assert registry.kinds["zoo"] == ZOO
    assert sorted(full for full, _ in registry.entries("zoo")) == ["one/A", "two/B"]
    assert registry.get("zoo", "B").target == LINEAR
    with pytest.raises(UnknownNameError, match=r"unknown zoo 'C'; there are"):
        registry.get("zoo", "C")


def test_kind_is_lost_with_the_plugin_that_declares_it(toys):
    sources = [Source("one", lambda: zoos("A", "A", **BRINGS)), Source("two", lambda: zoos("B"))]
    registry = Registry()
    registry.add(*sources, plugin("three", "C"))
    assert "zoo" not in registry.kinds
    assert list(registry.plugins) == ["three"]
    first, second = registry.failures
    assert (first.name, first.reason) == ("one", "lemur_register_zoos returns zoo 'A' 2 times")
    assert second.name == "two"
    assert second.reason.startswith("PluginValidationError: unknown hook 'lemur_register_zoos' in ")


@pytest.mark.parametrize(
    ("kinds", "reason"),
    [
        (
            lambda: [Kind("net", "lemur_register_others", "lemur_toy.plugin")],
            "kind 'net': its name 'net' is that of another kind, 'net'",
        ),
        (
            lambda: [Kind("other", "lemur_register_nets", "lemur_toy.plugin")],
            "kind 'other': its hook 'lemur_register_nets' is that of another kind, 'net'",
        ),
        (
            lambda: [ZOO, ZOO],
            "kind 'zoo': its name 'zoo' is that of another kind, 'zoo'",
        ),
        (
            lambda: [Kind("zoo", "lemur_register_zoos", "lemur_toy.nowhere")],
            "entry 'zoo': there is no module 'lemur_toy.nowhere'",
        ),
        (
            lambda: [
                Kind("zoo", "lemur_register_zoos", "lemur_toy.plugin", scaffold="lemur_toy.nowhere")
            ],
            "entry 'zoo': there is no module 'lemur_toy.nowhere'",
        ),
        (lambda: ["zoo"], "lemur_register_kinds returns 'zoo'; expected a Kind"),
        (lambda: 3, "lemur_register_kinds returns int; expected kinds"),
        (
            lambda: [Kind("Zoo", "lemur_register_zoos", "lemur_toy.plugin")],
            "kind 'Zoo': expected lower-case letters, digits and hyphens, starting with a letter",
        ),
        (
            lambda: [Kind("trial", "lemur_register_zoos", "lemur_toy.plugin")],
            "kind 'trial': the name is reserved; choose another",
        ),
        (
            lambda: [Kind("zoo", "register_zoos", "lemur_toy.plugin")],
            "kind 'zoo': hook 'register_zoos'; expected lemur_register_ and a name",
        ),
        (
            lambda: [Kind("zoo", "lemur_register_zoos", "")],
            "kind 'zoo': contract '' is not 'package.module' or 'package.module:attribute'",
        ),
    ],
)
def test_plugin_with_an_invalid_kind_is_left_out(kinds, reason, toys):
    registry = Registry()
    registry.add(Source("p", lambda: module(lemur_register_kinds=kinds)), plugin("good", "A"))
    assert list(registry.plugins) == ["good"]
    assert [failure.reason for failure in registry.failures] == [reason]


def test_second_plugin_that_declares_a_kind_is_left_out(toys):
    registry = Registry()
    registry.add(
        Source("one", lambda: zoos("A", **BRINGS)), Source("two", lambda: module(**BRINGS))
    )
    assert list(registry.plugins) == ["one"]
    assert registry.failures[0].reason == (
        "kind 'zoo': its name 'zoo' is that of another kind, 'zoo'"
    )


def test_names_of_many_entries_are_counted_once(toys):
    class Counting(str):
        compared = 0

        def __eq__(self, other):
            Counting.compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    names = [Counting(f"Net-{number}") for number in range(300)]
    registry = registry_of(plugin("p", *names))
    Counting.compared = 0
    assert len(registry.names("net")) == 300
    for name in names:
        registry.get("net", str(name))
    # Each name is looked up a few times; comparing all pairs would take 90,000 lookups.
    assert Counting.compared < 10 * 300
