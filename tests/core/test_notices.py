"""Warnings are printed as one line each, in order with the lines of the campaign."""

import io
import os
import subprocess
import sys
import warnings

import pytest

from lemur_core import run
from lemur_core.events import Warned
from lemur_core.notices import ProcessOutput, warnings_reported

LINEAR = "img-classification_blobs_hits"


@pytest.fixture
def pipe():
    """The writing end of a pipe, and the reader of its other end."""
    ours, theirs = os.pipe()
    rest = io.StringIO()
    yield theirs, ProcessOutput(ours, lambda: rest), rest
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize(
    ("printed", "notices", "rest"),
    [
        ("loss 0.5\n", [], "loss 0.5\n"),
        (
            "[W1128 02:39:35.123456789 NNPACK.cpp:64] Could not initialize NNPACK!\n",
            ["Could not initialize NNPACK! (NNPACK.cpp:64)"],
            "",
        ),
        (
            "[W engine.cpp:9] Warning: slow (function operator())\nnext\n",
            ["slow (engine.cpp:9)"],
            "next\n",
        ),
        (
            "/a/PIL/Image.py:99: UserWarning: Corrupt EXIF\n  warnings.warn(\nnext\n",
            ["UserWarning: Corrupt EXIF (Image.py:99)"],
            "next\n",
        ),
        ("10%\r20%\r\n", [], "20%\n"),
        ("\x1b]0;title\a \u202e\x1b[2K\n", [], "\\x1b]0;title\\x07 \\u202e\\x1b[2K\n"),
        ("[Warm] up\n", [], "[Warm] up\n"),
    ],
)
def test_warnings_are_separated_from_other_output(pipe, printed, notices, rest):
    descriptor, output, shown = pipe
    os.write(descriptor, printed.encode())
    assert (output.notices(), shown.getvalue()) == (notices, rest)


def test_line_is_read_when_complete(pipe):
    descriptor, output, shown = pipe
    os.write(descriptor, b"half")
    assert (output.notices(), shown.getvalue()) == ([], "")
    os.write(descriptor, b" and half\nrest")
    assert (output.notices(), shown.getvalue()) == ([], "half and half\n")
    assert (output.close(), shown.getvalue()) == ([], "half and half\nrest")


@pytest.mark.parametrize("text", ["", "no JSON", "[" * 5_000, '{"a": 1'])
def test_a_mark_before_anything_else_is_printed(pipe, text):
    descriptor, output, shown = pipe
    os.write(descriptor, f"\x1elemur-notice {text}\n".encode())
    assert (output.notices(), shown.getvalue()) == ([], f"\\x1elemur-notice {text}\n")


def test_endless_line_is_printed_in_pieces(pipe):
    descriptor, output, shown = pipe
    for _ in range(3):
        os.write(descriptor, b"x" * 40_000)
        assert output.notices() == []
    assert len(shown.getvalue()) >= 80_000


def test_endless_output_does_not_block_the_reader(pipe, monkeypatch):
    _, output, shown = pipe
    monkeypatch.setattr(os, "read", lambda descriptor, size: b"again\n")
    output.notices()
    assert 0 < shown.getvalue().count("again") < 100


def test_warning_in_this_process_is_reported_once_in_one_line():
    messages = []
    with warnings.catch_warnings(), warnings_reported(messages.append):
        warnings.simplefilter("always")
        for _ in range(2):
            warnings.warn("two\n  lines (Triggered internally at /a/b.cpp:3.)", stacklevel=1)
    [line] = messages
    assert line.startswith("UserWarning: two lines (test_notices.py:")


NET = """

import os
import warnings


class Warns(Net):
    def learn(self, train_data):
        print("plain output")
        warnings.warn("careful\\nnow")
        os.write(2, b"[W1128 02:39:35.123 engine.cpp:9] Warning: slow (function f)\\n")
        # Like the processes that load samples.
        if not (child := os.fork()):
            warnings.warn("from a fork")
            os._exit(0)
        os.waitpid(child, 0)
        return super().learn(train_data)


Net = Warns
"""


def test_warning_in_workers_is_reported_once_in_one_line(toys, tmp_path, capsys):
    file = tmp_path / "Warns.py"
    file.write_text(toys.get("net", "Linear").source() + NET)
    events = []
    summary = run(
        LINEAR, net=str(file), trials=3, epochs=2, workers=2, threads=1,
        db=str(tmp_path / "lemur.db"), watch=events.append,
    )  # fmt: skip
    assert summary.exit_status == 0
    lines = sorted(event.message for event in events if isinstance(event, Warned))
    assert [line.partition(" (")[0] for line in lines] == [
        "UserWarning: careful now", "UserWarning: from a fork", "slow",
    ]  # fmt: skip
    assert "(Warns.py:" in lines[0]
    assert set(capsys.readouterr().err.splitlines()) == {"plain output"}


def test_last_output_of_a_dying_process_is_shown(toys, tmp_path, capsys):
    file = tmp_path / "Dies.py"
    body = NET.replace('print("plain output")', 'os.write(2, b"last words"); os._exit(7)')
    file.write_text(toys.get("net", "Linear").source() + body)
    summary = run(
        LINEAR, net=str(file), trials=1, epochs=1, threads=1, fail_attempts=1,
        db=str(tmp_path / "lemur.db"),
    )  # fmt: skip
    assert list(summary.reasons) == ["its process exited with status 7"]
    assert capsys.readouterr().err == "last words"


def test_warning_of_the_campaign_process_is_on_a_separate_line(toys, tmp_path):
    file = tmp_path / "Warns.py"
    file.write_text(toys.get("net", "Linear").source() + NET)
    from .conftest import TOYS

    done = subprocess.run(
        [
            sys.executable, "-m", "lemur_core", "run", LINEAR, "--net", str(file), "--trials", "1",
            "--epochs", "1", "--threads", "1", "--in-process",
        ],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(TOYS)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0
    assert "lemur: warning: UserWarning: careful now (Warns.py:" in done.stderr


def test_process_with_endless_output_is_not_waited_for():
    with open("/dev/zero", "rb") as endless:
        output = ProcessOutput(endless.fileno(), io.StringIO)
        assert output.notices() == []
        assert output.is_open
