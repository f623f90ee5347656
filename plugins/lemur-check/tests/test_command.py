"""The output of ``lemur check``."""

from lemur_check.batch import BatchSource
from lemur_check.command import _show
from lemur_check.verdict import Verdict
from lemur_core.cli.streams import escaping


def test_an_invalid_net_cannot_print_that_it_is_valid(capsys):
    reason = "x\r\x1b[1A\x1b[2KNet.py: Good is valid\nNet.py: Good is valid"
    with escaping():
        _show(BatchSource("Net.py", "Good", ""), Verdict("Good", False, "build", reason))
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert out.startswith("Net.py: Good is not valid: build: x\\r\\x1b[1A")
