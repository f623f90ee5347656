"""Warm commands end, print and use their folder and environment as `lemur` in a new process."""

import os
import signal
import socket
import subprocess
import sys

import pytest

FORKS = pytest.mark.skipif(sys.platform != "linux", reason="there is no server")


def test_status_and_streams_are_those_of_a_new_process(warm, tmp_path, monkeypatch):
    (tmp_path / "mine.toml").write_text("db = 3\n")
    monkeypatch.setenv("LEMUR_CONFIG", "mine.toml")
    command = [sys.executable, "-m", "lemur_core", "best"]
    new = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    ran = warm.run(tmp_path, "best")
    assert (ran.returncode, ran.stdout, ran.stderr) == (new.returncode, new.stdout, new.stderr)
    assert ran.returncode == 2
    assert "mine.toml" in ran.stderr


@FORKS
def test_the_program_is_lemur(warm, tmp_path):
    program = warm.program() / "lemur"
    ran = subprocess.run([program, "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, warm.run(tmp_path, "--version").stdout)
    assert ran.stdout.startswith("lemur")


def test_a_killed_command_has_ended(warm, tmp_path):
    reads, writes = os.pipe()
    arguments = ("run", "img-classification_digits_acc_SqueezeNet-1", "--epochs", 1000)
    with open(reads) as output, warm.start(tmp_path, *arguments, stdout=writes) as command:
        os.close(writes)
        assert output.readline()
        assert command.poll() is None
        command.kill()
        # The processes that it started have ended, too, when nobody can write any more.
        output.read()
    assert command.returncode == -signal.SIGKILL
    assert command.poll() == -signal.SIGKILL


@FORKS
def test_a_client_that_ends_before_its_request_stops_nothing(warm, tmp_path):
    for sent in (b"", b'{"arguments"'):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(warm.address)
            client.sendall(sent)
    assert warm.run(tmp_path, "--version").returncode == 0
