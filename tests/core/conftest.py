import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

import lemur_core.cli
import lemur_core.interactive
from lemur_core import registry

# Imported before any test replaces `registry.installed`, because some of them import that name.
for module in iter_modules(lemur_core.cli.__path__, "lemur_core.cli."):
    import_module(module.name)

TOYS = Path(__file__).parent / "toys"


@pytest.fixture(autouse=True)
def only_the_toy_plugin(monkeypatch):
    """The core's tests use a single plugin, whatever else is installed."""
    monkeypatch.syspath_prepend(str(TOYS))
    others = {
        point.name
        for point in __import__("importlib.metadata").metadata.entry_points(group="lemur_core")
        if point.name != "toy"
    }
    monkeypatch.setenv("LEMUR_DISABLE_PLUGINS", ",".join(others))
    registry.installed.cache_clear()
    yield
    registry.installed.cache_clear()


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path_factory):
    """The cache of file digests is in a temporary folder, empty at first."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture
def toys():
    return registry.installed()


@pytest.fixture
def python(tmp_path):
    """Run Python in a new process with the toy plugin installed; return its output."""

    def call(*arguments):
        environment = os.environ | {"PYTHONPATH": str(TOYS)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    return call


@pytest.fixture
def third_party(monkeypatch):
    """Make modules of the third-party distribution importable, and forget them afterwards."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "third_party" / "lemur-tiny")
    yield
    # Other tests in this process create a plugin of the same name.
    for name in [name for name in sys.modules if name.startswith("lemur_tiny")]:
        sys.modules.pop(name)


@pytest.fixture
def db(tmp_path):
    return tmp_path / "results.db"


@pytest.fixture
def engine(db):
    from lemur_core.store.database import open_database

    engine = open_database(db)
    yield engine
    engine.dispose()
