"""What all tests have in common, the plugins' too."""

import os
import sys

import pytest

# Where files of tests are run side by side, each keeps to one core: on more they would wait for
# each other at every operation. To be said before torch is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# Numbers are the same to the last bit on a CPU, wherever tests are run; also before torch.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def lemur(capsys, monkeypatch, tmp_path):
    """Run the command line in this process; give its status, output and errors."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        from lemur_core.cli import main

        monkeypatch.setattr(sys, "argv", ["lemur", *map(str, arguments)])
        with pytest.raises(SystemExit) as exited:
            main()
        return exited.value.code, *capsys.readouterr()

    return call
