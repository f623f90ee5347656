"""``lemur new plugin --kind twin`` writes a plugin with a twin that works at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lemur_core.cli import main
from lemur_twins.frameworks import FRAMEWORKS


def new(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["lemur", "new", "plugin", *arguments])
    with pytest.raises(SystemExit) as exited:
        main()
    return exited.value.code


def contract(test):
    """Run a contract test of the plugin, and return its status and what it printed."""
    command = [sys.executable, "-m", "pytest", "-rA", "-W", "error", "-c", "/dev/null"]
    apart = ["--import-mode=importlib", "--rootdir=.", "-p", "no:cacheprovider", "lemur-slim"]
    environment = os.environ | {"PYTHONPATH": "lemur-slim"}
    done = subprocess.run(
        [*command, *apart, "-k", test], env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout


def test_new_twin_computes_the_same_until_it_is_broken(here, monkeypatch, capsys):
    if FRAMEWORKS["jax"].missing():
        pytest.skip("jax is not installed")
    assert new(monkeypatch, "slim", "--kind", "twin") == 0
    assert "lemur twins compare slim" in capsys.readouterr().out.splitlines()[-1]
    text = Path("lemur-slim/pyproject.toml").read_text()
    assert 'dependencies = ["lemur-core>=0.2", "lemur-twins>=0.2"]' in text
    status, out = contract("test_twin_ or test_entry_")
    assert status == 0, out
    assert "test_twin_computes_the_same[slim]" in out
    file = Path("lemur-slim/lemur_slim/twin_jax.py")
    file.write_text(file.read_text().replace("nnx.relu(self.conv2(x))", "nnx.tanh(self.conv2(x))"))
    status, out = contract("test_twin_computes_the_same")
    assert status == 1
    assert "twin 'slim' in jax: outputs differ by" in out


def test_twin_and_net_are_in_one_package(here, monkeypatch):
    assert new(monkeypatch, "slim", "--kind", "net,twin") == 0
    text = Path("lemur-slim/lemur_slim/plugin.py").read_text()
    assert "def lemur_register_nets()" in text
    from lemur_core.testing.plugin import collect

    monkeypatch.syspath_prepend("lemur-slim")
    names = {entry.name for _, entry in collect("lemur_slim.plugin").entries("net")}
    assert {"slim.pytorch", "slim.jax"} < names
