"""Checking many sources: where they are read from, several at a time, and repeatedly."""

import json
import threading

import pytest

from lemur_check.batch import BatchSource, check_sources, sources
from lemur_check.verdict import Verdict
from lemur_core.errors import SettingsError


def test_a_folder_yields_the_sources_of_all_its_files(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b.py").write_text("b = 1")
    (tmp_path / "a.py").write_bytes(b"\xef\xbb\xbfa = 1")
    (tmp_path / "bad.py").write_bytes(b"\xff")
    (tmp_path / "text.txt").write_text("no")
    assert list(sources(str(tmp_path))) == [
        BatchSource(str(tmp_path / "a.py"), "a = 1", "a"),
        BatchSource(
            str(tmp_path / "bad.py"), fault="is not UTF-8 text: invalid start byte at byte 0"
        ),
        BatchSource(str(tmp_path / "in" / "b.py"), "b = 1", "b"),
    ]


def test_json_lines_that_cannot_be_read_have_a_fault(tmp_path):
    file = tmp_path / "some.jsonl"
    lines = [
        '{"code": "x = 1", "name": "X", "more": 1}', "", '{"code": 1}', "[]", '{"code": "half',
        '{"code": "y", "name": 3}', '{"code": "z"}', "[" * 5000, '{"code": "\\ud800"}',
    ]  # fmt: skip
    file.write_text("\n".join(lines))
    read = list(sources(str(file)))
    assert [
        (source.place.removeprefix(f"{file}:"), source.code, source.name) for source in read
    ] == [
        ("1", "x = 1", "X"), ("3", "", None), ("4", "", None), ("5", "", None), ("6", "", None),
        ("7", "z", None), ("8", "", None), ("9", "\ud800", None),
    ]  # fmt: skip
    assert [source.fault.partition(":")[0] for source in read if source.fault] == [
        'has no "code" member that is a string', 'has no "code" member that is a string',
        "is not JSON", '"name" is 3; expected a string', "is not JSON",
    ]  # fmt: skip


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(SettingsError, match="there is no file or folder 'nowhere'"):
        list(sources("nowhere"))


def test_as_many_sources_are_checked_at_once_as_there_are_workers():
    together, most = threading.Barrier(3, timeout=30), 0
    busy = threading.Semaphore(3)

    def check(code, name):
        assert busy.acquire(blocking=False)
        try:
            together.wait()
        finally:
            busy.release()
        return Verdict(code, valid=True, step="parse")

    batch = [BatchSource(str(number), str(number)) for number in range(9)]
    batch.insert(4, BatchSource("bad", fault="cannot be read"))
    results = list(check_sources(check, batch, 3))
    assert {(source.place, verdict and verdict.name) for source, verdict in results} == {
        (str(number), str(number)) for number in range(9)
    } | {("bad", None)}
    assert most == 0


def test_an_error_of_the_check_ends_the_batch():
    def check(code, name):
        raise SettingsError("no")

    with pytest.raises(SettingsError, match="no"):
        list(check_sources(check, [BatchSource("a", "x")] * 20, 2))


def test_the_command_prints_each_verdict_and_totals(lemur, source, tmp_path, monkeypatch):
    file = tmp_path / "some.jsonl"
    codes = [source, "x = (", source.replace("labels)", "1)"), "class Net: pass"]
    file.write_text("\n".join(json.dumps({"code": code}) for code in codes) + "\nhalf\n")
    options = ("--dataset", "digits[samples=200]", "--threads", 1, "--no-walls")
    status, out, err = lemur("check", file, *options)
    assert status == 1
    assert "is valid\n  18,090 parameters, 34,200 multiply-adds per image\n  score 0." in out
    assert f"{file}:2: unreadable is not valid: parse, line 1: is not Python: '(' was never" in out
    line = source[: source.index("cross_entropy")].count("\n") + 1
    assert f"is not valid: batch, line {line}: TypeError" in out
    assert "is not valid: template: has no function supported_hyperparameters()" in out
    assert out.endswith("5 sources, 1 valid\n")
    assert f"{file}:5: is not JSON" in err

    # The second time, nothing is run.
    monkeypatch.setattr("lemur_check.box.Box.run", None)
    status, out, _ = lemur("check", file, *options, "--json")
    verdicts = {line_facts["place"]: line_facts for line_facts in map(json.loads, out.splitlines())}
    assert status == 1
    assert [verdicts[f"{file}:{line}"].get("valid") for line in range(1, 6)] == [
        True, False, False, False, None,
    ]  # fmt: skip


def test_usage_errors_are_one_line(lemur, source, tmp_path):
    (tmp_path / "Net.py").write_text(source)
    for options, message in (
        (["--dataset", "nowhere"], "unknown dataset 'nowhere'"),
        (["--set", "lr=1e-4..1"], "lr=1e-4..1: is a range; expected one value"),
        (["--set", "lr"], "expected NAME=RANGE"),
        (["--prm", "[]"], "expected an object"),
        (["--epochs", -1], "epochs is -1; expected 0 or more"),
        (["--name", "../Net"], "entry name '../Net'"),
        (["--name", "ResNet"], "a net 'ResNet' with another source is installed"),
    ):
        status, out, err = lemur("check", "Net.py", "--no-walls", *options)
        assert (status, out, err.count("\n")) == (2, "", 1), err
        assert message in err
    (tmp_path / "empty").mkdir()
    assert "empty: contains no source; expected" in lemur("check", "empty", "--no-walls")[2]
    # In a batch it does not affect other sources.
    (tmp_path / "ResNet.py").write_text("x = ")
    status, out, err = lemur("check", tmp_path, "--epochs", 0, "--threads", 1, "--no-walls")
    assert status == 1
    assert "Net is valid" in out
    assert (
        "ResNet.py: a net 'ResNet' with another source is installed; choose another name\n" in err
    )
    assert lemur("check", "None.py", "--no-walls")[2] == (
        "lemur: error: there is no file or folder 'None.py'\n"
    )
