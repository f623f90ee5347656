"""In the folders of ``PYTHONPATH``, only packages are readable in the sandbox."""

import subprocess
import sys

import pytest

from lemur_check.importable import importable
from lemur_check.sandbox import Limits, Sandbox, find_bubblewrap, readable
from lemur_core import installed


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder of packages among private files."""
    for name, text in {
        "secret.txt": "secret", "private/key.py": "", "private/key": "secret",
        "single.py": "value = 7", "package/__init__.py": "from single import value",
        "parts/module.py": "", "parts-1.0.dist-info/RECORD": "parts/module.py,,\n../up.py,,\n",
        "parts-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: parts\nVersion: 1.0\n",
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("PYTHONPATH", f":{tmp_path}:{tmp_path / 'none'}")
    return tmp_path


def test_modules_packages_and_metadata_are_found(folder):
    names = ["package", "parts", "parts-1.0.dist-info", "single.py"]
    assert importable() == [folder / name for name in names]


def test_without_a_path_nothing_is_found(monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert importable() == []


@pytest.mark.skipif(find_bubblewrap() is None, reason="bubblewrap cannot be used here")
def test_only_packages_are_readable_in_the_sandbox(folder):
    program = (
        "import os, package, parts.module\n"
        "from importlib.metadata import version\n"
        f"print(package.value, version('parts'), sorted(os.listdir({str(folder)!r})))"
    )
    places = readable(installed(), folder / "data")
    sandbox = Sandbox(Limits(), places, bubblewrap=find_bubblewrap())
    ran = subprocess.run(
        sandbox.command([sys.executable, "-P", "-c", program]),
        env=sandbox.environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    names = ["package", "parts", "parts-1.0.dist-info", "single.py"]
    assert (ran.stdout, ran.stderr) == (f"7 1.0 {names}\n", "")
