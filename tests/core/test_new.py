import os
import subprocess
import sys

import pytest


def test_a_new_plugin_passes_its_contract_at_once(lemur, tmp_path):
    status, out, _ = lemur("new", "plugin", "far-away")
    assert status == 0
    root = tmp_path / "lemur-far-away"
    assert (root / "lemur_far_away" / "nets" / "FarAwayNet.py").is_file()
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA"], cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout
    assert (
        "PASSED tests/test_contract.py::TestContract::test_net_learns[FarAwayNet]" in tested.stdout
    )
    assert "pip install -e 'lemur-far-away[tests]'" in out


def test_a_folder_that_is_there_is_never_written_into(lemur, tmp_path):
    (tmp_path / "lemur-tiny").mkdir()
    status, _, err = lemur("new", "plugin", "tiny")
    assert status == 2
    assert err == (
        "lemur: error: 'lemur-tiny' cannot be made: File exists; choose another name or --folder\n"
    )
    assert not list((tmp_path / "lemur-tiny").iterdir())


@pytest.mark.parametrize("name", ["Tiny", "a b", "1st", "a_b", "a-"])
def test_a_name_that_no_distribution_can_have_is_refused(lemur, name):
    status, _, err = lemur("new", "plugin", name)
    assert status == 2
    assert err == (
        f"lemur: error: plugin name {name!r}: expected lower-case letters and digits, "
        "beginning with a letter, in parts joined by -\n"
    )


def test_a_package_that_is_installed_is_not_made_again(lemur, tmp_path):
    status, _, err = lemur("new", "plugin", "core")
    assert status == 2
    assert err == (
        "lemur: error: plugin name 'core': a package lemur_core is installed; choose another name\n"
    )
    assert not list(tmp_path.iterdir())
