"""Untrusted text of any script is shown as text, and terminals do not interpret it."""

import io
import sys
import unicodedata

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemur_core.cli.output import print_data, print_line, print_text, show_progress, style
from lemur_core.cli.streams import EscapingStream, escaping
from lemur_core.escapes import escape, join_lines, one_line

# Format characters, and characters that terminals do not show.
INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180f\u3164\uffa0\ufe00\U000e0100\U000e01ef"


def test_all_control_and_format_characters_are_escaped():
    unsafe = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    for code in range(sys.maxunicode + 1):
        sign = chr(code)
        is_unsafe = unicodedata.category(sign) in unsafe or sign in INVISIBLE
        if is_unsafe:
            assert one_line(f"a{sign}b") == f"a{ascii(sign)[1:-1]}b"
            assert escape(f"a{sign}b") == (f"a{sign}b" if sign in "\n\t" else one_line(f"a{sign}b"))
        elif unicodedata.category(sign) not in ("Cn", "Mn"):
            assert one_line(sign) == sign


@pytest.mark.parametrize(
    "text",
    [
        "Ünïcode",
        "\u0645\u06cc\u200c\u062e\u0648",
        "क्\u200dष",
        "❤\ufe0f\u200d🔥",
        "👩\u200d🔬",
        "日本\u3000語",
    ],
)
def test_letters_and_emoji_are_not_escaped(text):
    assert one_line(text) == escape(text) == text


@given(st.text())
def test_escaping_twice_equals_escaping_once(text):
    assert one_line(one_line(text)) == one_line(text)
    assert escape(one_line(text)) == one_line(text)
    assert one_line(text).encode().decode() == one_line(text)
    assert len(one_line(text).splitlines()) <= 1


def test_line_ends_are_not_escaped():
    assert escape("one\r\ntwo\n\tthree\rfour") == "one\ntwo\n\tthree\\rfour"
    assert join_lines(["a\nb", "c"]) == "a\\nb\nc"


class Terminal(io.TextIOWrapper):
    def __init__(self, encoding="utf-8", *, is_terminal=True):
        super().__init__(io.BytesIO(), encoding, newline="")
        self.is_terminal = is_terminal

    def isatty(self):
        return self.is_terminal

    def shown(self):
        self.flush()
        return self.buffer.getvalue()


@pytest.fixture
def streams(monkeypatch):
    def put(**options):
        pair = Terminal(**options), Terminal(**options)
        monkeypatch.setattr(sys, "stdout", pair[0])
        monkeypatch.setattr(sys, "stderr", pair[1])
        return pair

    return put


def test_only_lemurs_own_styles_reach_a_terminal(streams):
    out, err = streams()
    with escaping():
        print_line(f"{style('bold', 'bold')} \x1b[1mnot\n")
        click.echo(f"{style('red', 'red')}\x1b[31m")
        show_progress("half\x1b[2K\n")
    assert out.shown() == b"\x1b[1mbold\x1b[0m \\x1b[1mnot\\n\n\x1b[31mred\x1b[0m\\x1b[31m\n"
    assert err.shown() == b"\r\x1b[Khalf\\x1b[2K\\n"


def test_output_to_a_file_has_no_styles_and_no_progress(streams):
    out, err = streams(is_terminal=False)
    with escaping():
        print_text(f"{style('bold', 'bold')}\a")
        show_progress("half")
    assert (out.shown(), err.shown()) == (b"bold\\x07\n", b"")


@pytest.mark.parametrize("is_terminal", [True, False])
def test_data_is_exact_in_a_file_and_escaped_on_a_terminal(streams, is_terminal):
    out, _ = streams(is_terminal=is_terminal)
    with escaping():
        print_line("before\a")
        print_data("a,\x1b[2J\u202eä\r\n")
        print_data("b,\x9b\u2028")
    data = (
        "a,\\x1b[2J\\u202eä\nb,\\x9b\\u2028" if is_terminal else "a,\x1b[2J\u202eä\r\nb,\x9b\u2028"
    )
    assert out.shown().decode() == f"before\\x07\n{data}"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("is_terminal", [True, False])
def test_no_encoding_fails(streams, encoding, is_terminal):
    out, err = streams(encoding=encoding, is_terminal=is_terminal)
    with escaping():
        for text in ("日本 \ud800 \x1b", "é"):
            print_line(text)
            sys.stderr.write(text)
            click.echo(text)
    for shown in (out.shown(), err.shown()):
        assert b"\\ud800 \\x1b" in shown
        assert b"\x1b" not in shown


def test_errors_of_the_stream_are_not_hidden(streams):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    stream = EscapingStream(Full())
    with pytest.raises(OSError, match="No space left"):
        stream.write("text")


def test_signal_handler_can_print_while_its_thread_prints():
    class Signalled(io.StringIO):
        def write(self, text):
            if text == "one ":
                stream.write("handler ")
                stream.flush()
            return super().write(text)

    stream = EscapingStream(Signalled())
    stream.write("one ")
    stream.write("two")
    assert stream.stream.getvalue() == "one handler two"
