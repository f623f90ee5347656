"""Output that cannot be written is said in one line, or ends the command as SIGPIPE would."""

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
    """Run a line in a shell; give its status, output and errors."""
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
def test_a_full_output_is_one_line_and_status_2(shell, command):
    line = "lemur: error: No space left on device\n"
    assert shell(f"{LEMUR} {command} > /dev/full") == (2, "", line)


@pytest.mark.parametrize("command", ["--help", "data --db some.db", "run --db made.db"])
def test_a_closed_output_is_one_line_and_status_2_before_anything_is_done(shell, command):
    assert shell(f"{LEMUR} {command} >&-") == (2, "", CLOSED)
    assert shell("ls made.db")[0] != 0


@pytest.mark.parametrize("command", ["--help", "data --db some.db"])
def test_an_output_that_nobody_reads_ends_a_command_in_silence(shell, command):
    assert shell(f"set -o pipefail; {LEMUR} {command} | true") == (141, "", "")


def test_a_file_never_takes_the_place_of_a_closed_stream(shell):
    program = (
        "import os; from lemur_core.cli import check_streams; check_streams(); "
        "print(os.open('some.db', os.O_RDONLY) > 2)"
    )
    assert shell(f'{sys.executable} -c "{program}" <&- 2>&-') == (0, "True\n", "")


def test_errors_that_cannot_be_shown_keep_their_status(shell):
    assert shell(f"{LEMUR} data --db none.db 2>&-") == (2, "", "")
