"""Configuration and fixtures of all tests, including those of plugins."""

import gc
import os
import sys

import pytest

from .warm.fixture import warm_commands

# Parallel test processes use one core each, because they would slow each other down with more
# threads. This must be set before torch is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# Ignore the settings file of whoever runs the tests.
os.environ["LEMUR_CONFIG"] = ""
# Hide GPUs, because only results on a CPU repeat to the last bit; also before torch is imported.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

# The files whose tests take minutes. They come first, so that none runs alone at the end.
LONGEST = (
    "plugins/lemur-vision-cls/tests/test_contract.py",
    "tests/integration/test_run.py",
    "tests/docs/test_docs.py",
    "plugins/lemur-det/tests/test_nets.py",
    "plugins/lemur-seg/tests/test_contract.py",
    "tests/integration/test_crash.py",
    "plugins/lemur-check/tests/test_walls.py",
    "tests/integration/test_resume_files.py",
)

# Contract tests that capture graphs. Traced line by line, that takes minutes, of torch's lines.
CAPTURING = ("test_net_is_compiled_whole", "test_net_is_exported")


def pytest_configure(config):
    # Otherwise pytest-xdist would start with the files that have the most tests.
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


# Before pytest deselects by marker.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    for item in items:
        if getattr(item, "originalname", None) in CAPTURING:
            item.add_marker(pytest.mark.untraced("it captures a graph"))
    ranks = {config.rootpath / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(LONGEST)))


@pytest.fixture
def lemur(capsys, monkeypatch, tmp_path):
    """Run the command line in this process; return its status, output and errors."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        from lemur_core.cli import main

        monkeypatch.setattr(sys, "argv", ["lemur", *map(str, arguments)])
        with pytest.raises(SystemExit) as exited:
            main()
        return exited.value.code, *capsys.readouterr()

    return call


@pytest.fixture(scope="session")
def warm():
    """Run `lemur` as a new process within a fraction of a second."""
    with warm_commands() as commands:
        yield commands


@pytest.fixture
def short_collections():
    """Leave what has been imported out of garbage collections, of which pytest's end does ten."""
    gc.freeze()
    yield
    gc.unfreeze()
