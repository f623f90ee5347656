"""What ``lemur check`` prints."""

from lemur_check.batch import BatchSource
from lemur_check.command import _show
from lemur_check.verdict import Verdict
from lemur_core.cli.streams import escaping


def test_a_net_that_is_not_valid_cannot_say_that_it_is(capsys):
    reason = "x\r\x1b[1A\x1b[2KNet.py: Good is valid\nNet.py: Good is valid"
    with escaping():
        _show(BatchSource("Net.py", "Good", ""), Verdict("Good", False, "build", reason))
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert out.startswith("Net.py: Good is not valid: build: x\\r\\x1b[1A")
