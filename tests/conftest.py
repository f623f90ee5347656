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
    "tests/integration/test_crash.py",
    "tests/docs/test_docs.py",
    "tests/integration/test_resume_files.py",
    "plugins/lemur-det/tests/test_nets.py",
    "plugins/lemur-seg/tests/test_contract.py",
)


def pytest_configure(config):
    # Otherwise pytest-xdist would start with the files that have the most tests.
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(config, items):
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
