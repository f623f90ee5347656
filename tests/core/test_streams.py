"""Output that cannot be written is reported in one line, or ends the command like SIGPIPE."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lemur_core.store.database import open_database

TOYS = Path(__file__).parent / "toys"
LEMUR = f"{sys.executable} -c 'from lemur_core.cli import main; main()'"
CLOSED = "lemur: error: standard output is closed; redirect it, to /dev/null for example\n"
COMMANDS = ["--help", "list", "data --db some.db", "db info --db some.db"]


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """Run a line in a shell; return its status, output and errors."""
    folder = tmp_path_factory.mktemp("streams")
    open_database(folder / "some.db").dispose()

    def call(line):
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(TOYS)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return call


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has such a device")
@pytest.mark.parametrize("command", COMMANDS)
def test_full_output_device_prints_one_line_and_exits_with_status_2(shell, command):
    line = "lemur: error: No space left on device\n"
    assert shell(f"{LEMUR} {command} > /dev/full") == (2, "", line)


@pytest.mark.parametrize("command", ["--help", "data --db some.db", "run --db made.db"])
def test_closed_output_exits_with_status_2_before_doing_anything(shell, command):
    assert shell(f"{LEMUR} {command} >&-") == (2, "", CLOSED)
    assert shell("ls made.db")[0] != 0


@pytest.mark.parametrize("command", ["--help", "data --db some.db"])
def test_command_ends_silently_if_the_output_pipe_is_closed(shell, command):
    assert shell(f"set -o pipefail; {LEMUR} {command} | true") == (141, "", "")


def test_file_never_gets_the_descriptor_of_a_closed_stream(shell):
    program = (
        "import os; from lemur_core.cli import check_streams; check_streams(); "
        "print(os.open('some.db', os.O_RDONLY) > 2)"
    )
    assert shell(f'{sys.executable} -c "{program}" <&- 2>&-') == (0, "True\n", "")


def test_errors_that_cannot_be_printed_keep_the_exit_status(shell):
    assert shell(f"{LEMUR} data --db none.db 2>&-") == (2, "", "")
