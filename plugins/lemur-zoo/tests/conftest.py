"""Small zoos, made once for all tests."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lemur_zoo import Zoo
from lemur_zoo.cli.group import zoo as commands
from lemur_zoo.images import load_images
from lemur_zoo.spec.read import read_spec

from .published_zoo import write_published

SMALL = """
[zoo]
dataset = "digits[samples=60,test=40]"
epochs = 2
[factors]
init = ["uniform", "kaiming_uniform"]
activation = ["tanh", "relu"]
optimizer = ["adam", "sgd"]
dropout = [0.0, 0.2]
lr = 3e-3
weight_decay = 1e-3
"""


def run(*arguments, status=0):
    """Run ``lemur zoo`` and return what it prints."""
    result = CliRunner().invoke(commands, [str(argument) for argument in arguments])
    if status == 0:
        assert result.exception is None, result.output
    assert result.exit_code == status, result.output
    return result.output


def run_with_error(*arguments):
    from click.testing import CliRunner

    from lemur_zoo.cli.group import zoo

    result = CliRunner().invoke(zoo, list(map(str, arguments)))
    if result.exception is not None:
        raise result.exception


@pytest.fixture(scope="session")
def spec(tmp_path_factory):
    path = tmp_path_factory.mktemp("spec") / "small.toml"
    path.write_text(SMALL)
    return path


@pytest.fixture(scope="session")
def small(tmp_path_factory, spec) -> Path:
    """A zoo of 16 members and 2 epochs, which no test changes."""
    folder = tmp_path_factory.mktemp("zoos") / "small"
    run("make", spec, "--out", folder, "--db", folder.parent / "lemur.db")
    return folder


@pytest.fixture(scope="session")
def images(spec):
    return load_images(read_spec(spec), None)


@pytest.fixture
def copy(small, tmp_path):
    return shutil.copytree(small, tmp_path / "copy")


def stored(path):
    zoo = Zoo(path)
    return np.array(zoo._folder.weights), zoo.scores


def assert_equal(path, other):
    for ours, theirs in zip(stored(path), stored(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.fixture
def published(tmp_path):
    """The folder and the states of a zoo in the published layout."""
    return write_published(tmp_path / "zoo")
