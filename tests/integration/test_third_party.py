"""A third-party distribution is built as a wheel, installed, found, tested and trained."""

import os
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from lemur_core import data

TINY = Path(__file__).parents[1] / "third_party" / "lemur-tiny"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Build the wheel and install it into a separate folder; return the folder."""
    dist, site = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist)]
    subprocess.run([*build, str(TINY)], check=True, capture_output=True)
    [wheel] = dist.glob("lemur_tiny-0.3.0-*.whl")
    # Environments created by uv have no pip.
    pip = [sys.executable, "-m", "pip"] if any(distributions(name="pip")) else ["uv", "pip"]
    install = [*pip, "install", "--no-deps", "--no-index", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    return site


@pytest.fixture
def call(installed, tmp_path):
    """Run Python in a process that has the distribution installed."""

    def run(*arguments):
        environment = os.environ | {"PYTHONPATH": str(installed)}
        return subprocess.run(
            [sys.executable, "-m", *map(str, arguments)],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


def test_third_party_nets_are_listed_with_their_origin(call):
    listed = call("lemur_core", "list", "net")
    assert listed.returncode == 0, listed.stderr
    rows = {line.split()[0]: line.split()[1] for line in listed.stdout.splitlines()}
    assert (rows["TinyConv"], rows["TinyPerceptron"], rows["ResNet"]) == (
        "tiny", "tiny", "vision-cls",
    )  # fmt: skip
    shown = call("lemur_core", "show", "net", "TinyConv", "--no-source")
    assert "origin      lemur-tiny 0.3.0" in shown.stdout


def test_third_party_nets_train_on_another_plugins_data_with_its_metric(call, tmp_path):
    pattern = "img-classification_digits_top3_Tiny*"
    ran = call("lemur_core", "run", pattern, "-t", 1, "-e", 2, "--lr", 0.03, "-q")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    frame = data(db=tmp_path / "lemur.db")
    assert sorted(set(frame["nn"])) == ["TinyConv", "TinyPerceptron"]
    # Three guesses among ten classes would score 0.3.
    assert frame["accuracy"].max() > 0.6


def test_third_party_plugin_passes_its_contract_tests(call):
    tests = TINY / "tests" / "test_contract.py"
    tested = call(
        "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", TINY,
        "--confcutdir", TINY, tests,
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout
    # 4 tests of the plugin, 2 of each entry, 11 of each net, 3 of the metric, 3 of the exporter, 4
    # of the importer, and 1 of the kind that the plugin declares.
    assert f"\n{4 + 2 * 6 + 11 * 2 + 3 + 3 + 4 + 1} passed" in tested.stdout
