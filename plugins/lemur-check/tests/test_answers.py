"""Answers of the process itself are distinguished from other output."""

import subprocess
import sys

import pytest

from lemur_check.answers import Answers, ForeignAnswerError

SAYING = "import sys; sys.stdout.buffer.write({!r})"


def read(text, kinds=("said", "ended")):
    """Return the first answer of a process that writes a text."""
    command = [sys.executable, "-S", "-c", SAYING.format(text)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:
        answers = Answers(process)
        try:
            while not answers.ended:
                if answer := answers.read("n", kinds, 1.0):
                    return answer
        finally:
            answers.close()


def test_answers_are_read():
    assert read(b'{"number": "n", "said": "x"}\n') == {"said": "x"}
    ended = b'{"number": "n", "ended": null, "clean": true}\n'
    assert read(ended) == {"ended": None, "clean": True}
    assert read(b'{"number": "n", "said": "cut') is None


@pytest.mark.parametrize(
    "text",
    [
        b"no JSON",
        b"[" * 100_000,
        b"9" * 100_000,
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"number": "n"}',
        b'{"said": "x"}',
        b'{"number": "m", "said": "x"}',
        b'{"number": "n", "said": 1}',
        b'{"number": "n", "said": "x", "more": 1}',
        b'{"number": "n", "ended": 0}',
        b'{"number": "n", "ended": "0", "clean": true}',
        b'{"number": "n", "refused": "by a stranger"}',
        b'{"number": "n", "started": true}',
    ],
    ids=lambda text: repr(text[:40]),
)
def test_malformed_answers_are_refused(text):
    with pytest.raises(ForeignAnswerError):
        read(text + b"\n")
