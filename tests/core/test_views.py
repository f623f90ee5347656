"""``lemur show`` runs the views of plugins, and says which plugin to install for one."""

from importlib import import_module

import pytest

from lemur_core import Entry

AGES = Entry("ages", "lemur_toy.commands:greet", summary="ages of nets")
GHOST = Entry("ghost", "lemur_nowhere:ghost", summary="ghosts of nets")


@pytest.fixture
def views(toys, monkeypatch):
    """Register the view ``ages`` with plugins of these names."""

    def call(*plugins):
        extended = toys
        for plugin in plugins:
            extended = extended.with_entries(plugin, "view", [AGES, GHOST])
        for module in ("registry", "cli.show"):
            patched.setattr(import_module(f"lemur_core.{module}"), "installed", lambda: extended)

    with monkeypatch.context() as patched:
        yield call


def test_a_view_is_run_and_listed_without_importing_it(lemur, views):
    views("far")
    assert lemur("show", "ages", "Ada")[:2] == lemur("show", "far/ages", "Ada")[:2]
    assert "Ada" in lemur("show", "ages", "Ada")[1]
    helped = " ".join(lemur("show", "--help")[1].split())
    assert "ages of nets ghost ghosts of nets" in helped


def test_views_of_one_name_need_the_plugin(lemur, views):
    views("far", "near")
    status, _, errors = lemur("show", "ages")
    assert (status, errors) == (
        2,
        "lemur: error: view 'ages' is in several plugins; use one of far/ages, near/ages\n",
    )


def test_an_unknown_view_is_reported_with_near_names(lemur, views):
    views("far")
    assert lemur("show", "agess") == (
        2, "", "lemur: error: unknown kind 'agess'. Did you mean 'ages'?\n"
    )  # fmt: skip


@pytest.mark.parametrize("name", ["curves", "scores", "confusion"])
def test_a_view_of_a_missing_plugin_says_what_to_install(lemur, name, monkeypatch):
    monkeypatch.setattr("lemur_core.plugin_names.find_spec", lambda package: None)
    assert lemur("show", name, "last") == (
        2,
        "",
        f"lemur: error: view '{name}' needs the plugin lemur-analysis: "
        "pip install lemur-analysis\n",
    )
