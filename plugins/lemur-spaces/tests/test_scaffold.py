"""``lemur new plugin --kind space`` writes a plugin with a space that works at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lemur_core.cli import main


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def new(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["lemur", "new", "plugin", *arguments])
    with pytest.raises(SystemExit) as exited:
        main()
    return exited.value.code


def test_new_space_passes_its_contract_at_once(monkeypatch, capsys):
    assert new(monkeypatch, "slim", "--kind", "space") == 0
    command = [sys.executable, "-m", "pytest", "-rA", "-W", "error", "-c", "/dev/null"]
    apart = ["--import-mode=importlib", "--rootdir=.", "-p", "no:cacheprovider", "lemur-slim"]
    environment = os.environ | {"PYTHONPATH": "lemur-slim"}
    done = subprocess.run([*command, *apart], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "test_space_has_the_complexity_of_its_net[slim]" in done.stdout
    text = Path("lemur-slim/pyproject.toml").read_text()
    assert 'dependencies = ["lemur-core>=0.2", "lemur-spaces>=0.2"]' in text
    assert "lemur spaces sample slim" in capsys.readouterr().out.splitlines()[-1]


def test_space_and_net_are_in_one_package(monkeypatch):
    assert new(monkeypatch, "slim", "--kind", "net,space") == 0
    text = Path("lemur-slim/lemur_slim/plugin.py").read_text()
    assert "def lemur_register_nets()" in text
    assert "def lemur_register_spaces()" in text


def test_kinds_of_plugins_are_suggested(monkeypatch, capsys):
    assert new(monkeypatch, "slim", "--kind", "spaec") == 2
    assert capsys.readouterr().err == "lemur: error: unknown kind 'spaec'. Did you mean 'space'?\n"
