"""``lemur show confusion``: tables, CSV, JSON and pictures of a confusion matrix."""

import csv
import io
import json
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import lemur_core
from lemur_analysis.cli.confusion import confusion
from lemur_core import Confusion
from lemur_core.cli.streams import EscapingStream
from lemur_core.commands import display_width
from lemur_core.errors import RetrainingError, SettingsError
from lemur_core.trial import State

COUNTS = [[8, 2, 0], [0, 5, 0], [1, 0, 4]]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def matrix(monkeypatch):
    """Replace the matrix of each trial."""

    def call(counts=COUNTS, names=("cat", "dog", "owl"), score=0.85, columns=80):
        matrix = Confusion(
            np.array(counts), tuple(names), "test", "ab" * 16, "img-classification_mine_acc_LeNet",
            3, "acc", score, 0.85,
        )  # fmt: skip
        monkeypatch.setattr(lemur_core, "confusion", lambda name, **options: matrix, raising=False)
        monkeypatch.setenv("COLUMNS", str(columns))

    return call


@pytest.fixture
def show(matrix):
    """Show a matrix; return status, output and errors."""

    def call(*arguments, **options):
        matrix(**options)
        result = CliRunner().invoke(confusion, ["last", *arguments], standalone_mode=False)
        if result.exception:
            raise result.exception
        return result.return_value, result.stdout, result.stderr

    return call


def test_table_has_true_classes_as_rows(show):
    status, out, errors = show()
    assert (status, errors) == (0, "")
    assert out.splitlines() == [
        "abababab img-classification_mine_acc_LeNet, epoch 3",
        "test split: accuracy 0.8500 (17 of 20), acc 0.8500",
        "",
        "true \\ predicted  cat  dog  owl  recall",
        "cat                 8    2    0   0.800",
        "dog                 0    5    0   1.000",
        "owl                 1    0    4   0.800",
    ]


def test_names_that_do_not_fit_are_numbered(show):
    _, out, _ = show(names=("苹果" * 10, "👩‍👩‍👧", "c" * 60), columns=60)
    head, *lines = out.splitlines()[3:]
    assert head.split() == ["true", "\\", "predicted", "0", "1", "2", "recall"]
    assert [line[:3] for line in lines] == ["0 苹", "1 👩", "2 c"]
    assert {display_width(line) for line in (head, *lines)} == {43}
    assert [line.split()[-4:] for line in lines] == [
        ["8", "2", "0", "0.800"], ["0", "5", "0", "1.000"], ["1", "0", "4", "0.800"]
    ]  # fmt: skip


def test_a_matrix_that_is_too_wide_is_a_list_of_confusions(show):
    counts = np.diag([9] * 100)
    counts[7, 42], counts[5, 6], counts[99, 99] = 3, 1, 0
    _, out, _ = show(counts=counts, names=())
    assert out.splitlines()[3:] == [
        "100 classes do not fit 80 columns; the most frequent confusions:",
        "true  predicted  samples  share",
        "   7         42        3  0.250",
        "   5          6        1  0.100",
        "--format csv, or --output FILE.png, has the whole matrix",
    ]


@pytest.fixture
def show_on_terminal(matrix, monkeypatch):
    """Show a matrix of a class for each name on a terminal; return the lines below its heading."""

    def call(names):
        matrix(np.eye(len(names), dtype=np.int64), names)
        terminal = Terminal()
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", EscapingStream(terminal))
            confusion.main(["last"], standalone_mode=False)
        return terminal.getvalue().splitlines()[3:]

    return call


def test_a_table_as_wide_as_the_terminal_is_shown(show_on_terminal):
    names = [f"class{number}" for number in range(7)]
    head, *rows = show_on_terminal(names)
    heading = f"true \\ predicted  {'  '.join(names)}  recall"
    assert (head, len(heading)) == (f"\x1b[1m{heading}\x1b[0m", 80)
    assert [(row[:6], row[-5:], len(row)) for row in rows] == [
        (name, "1.000", 80) for name in names
    ]


def test_a_table_that_the_terminal_would_wrap_is_not_shown(show_on_terminal):
    head, *rows = show_on_terminal([*(f"class{number}" for number in range(6)), "longer6"])
    assert head.removeprefix("\x1b[1m").split()[3:5] == ["0", "1"]
    assert [row.split()[:2] for row in rows][-1] == ["6", "longer6"]
    # Without the last column, the table with numbers has 78 columns.
    assert show_on_terminal([f"c{number}" for number in range(18)])[0] == (
        "18 classes do not fit 80 columns; the most frequent confusions:"
    )


def test_csv_and_json_have_the_whole_matrix_and_names(show):
    names = ("猫,", 'do"g', "owl")
    _, out, errors = show("--format", "csv", names=names)
    rows = list(csv.reader(out.splitlines()))
    assert rows[0] == ["true", *names]
    assert rows[1:] == [[name, *map(str, row)] for name, row in zip(names, COUNTS, strict=True)]
    assert errors == ""
    values = json.loads(show("--format", "json", names=names)[1])
    assert (values["classes"], values["matrix"]) == (list(names), COUNTS)
    assert (values["accuracy"], values["recorded"], values["epoch"]) == (0.85, 0.85, 3)


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_printing_and_drawing_exclude_each_other(show, tmp_path, form):
    with pytest.raises(SettingsError) as raised:
        show("--format", form, "--output", str(tmp_path / "x.png"))
    assert str(raised.value) == "--format prints the matrix and --output draws it; leave one out"
    assert not (tmp_path / "x.png").exists()


def test_a_score_that_is_not_the_recorded_one_is_said(show):
    _, _, errors = show(score=0.8)
    assert errors == (
        "lemur: warning: the test score (acc) of these predictions is 0.8, but 0.85 is recorded "
        "for epoch 3; weights, data, versions or device differ\n"
    )


@pytest.mark.parametrize("classes", [2, 40])
def test_pictures_are_written(show, tmp_path, classes):
    counts = np.eye(classes, dtype=np.int64) * 3
    names = [f"$class_{number}^" for number in range(classes)]
    _, out, errors = show("-o", str(tmp_path / "c.png"), counts=counts, names=names)
    assert (out, errors) == (f"wrote {tmp_path}/c.png\n", "")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def test_names_without_a_font_are_numbers_with_a_warning(show, tmp_path, monkeypatch):
    from lemur_analysis.plot import fonts

    monkeypatch.setattr(fonts, "font_with", lambda sign: None if sign == "猫" else "DejaVu Sans")
    _, _, errors = show("-o", str(tmp_path / "c.svg"), names=("猫", "dög", "owl"))
    assert errors == (
        "lemur: warning: no installed font has the characters of 1 of the class names, such as "
        "'猫'; shown by number. Fonts such as Noto Sans have them\n"
    )
    text = (tmp_path / "c.svg").read_text()
    assert "dög" in text
    assert "猫" not in text


def test_characters_that_are_not_drawn_need_no_font(show, tmp_path, monkeypatch):
    from lemur_analysis.plot import fonts

    monkeypatch.setattr(
        fonts, "font_with", lambda sign: None if sign in "\u200c\u200d\ufe0f" else "DejaVu Sans"
    )
    names = ("a\u200db\ufe0f", "two\r\nlines\u2028", "bell\x07", "می\u200cخ")
    counts = np.eye(4, dtype=np.int64)
    _, _, errors = show("-o", str(tmp_path / "c.svg"), counts=counts, names=names)
    assert errors == ""
    drawn = (tmp_path / "c.svg").read_text()
    for name in ("ab", "two lines", "bell\\x07", "میخ"):
        # As the label of a row and of a column.
        assert drawn.count(f">{name}</text>") == 2, name


def test_a_trial_that_cannot_be_trained_again_exits_with_1(monkeypatch):
    def fail(name, **options):
        raise RetrainingError("ab" * 16, State.FAILED, "out of memory")

    monkeypatch.setattr(lemur_core, "confusion", fail, raising=False)
    result = CliRunner().invoke(confusion, ["last"], standalone_mode=False)
    assert (result.return_value, result.stdout) == (1, "")
    assert result.stderr == "failed: out of memory\n"
