"""``lemur show confusion``: tables, CSV, JSON and pictures of a confusion matrix."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

import lemur_core
from lemur_analysis.cli.confusion import confusion
from lemur_core import Confusion
from lemur_core.commands import display_width
from lemur_core.errors import RetrainingError
from lemur_core.trial import State

COUNTS = [[8, 2, 0], [0, 5, 0], [1, 0, 4]]


@pytest.fixture
def show(monkeypatch):
    """Show a matrix instead of that of a trial; return status, output and errors."""

    def call(*arguments, counts=COUNTS, names=("cat", "dog", "owl"), score=0.85, columns=80):
        matrix = Confusion(
            np.array(counts), tuple(names), "test", "ab" * 16, "img-classification_mine_acc_LeNet",
            3, "acc", score, 0.85,
        )  # fmt: skip
        monkeypatch.setattr(lemur_core, "confusion", lambda name, **options: matrix, raising=False)
        monkeypatch.setenv("COLUMNS", str(columns))
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


def test_a_trial_that_cannot_be_trained_again_exits_with_1(monkeypatch):
    def fail(name, **options):
        raise RetrainingError("ab" * 16, State.FAILED, "out of memory")

    monkeypatch.setattr(lemur_core, "confusion", fail, raising=False)
    result = CliRunner().invoke(confusion, ["last"], standalone_mode=False)
    assert (result.return_value, result.stdout) == (1, "")
    assert result.stderr == "failed: out of memory\n"
