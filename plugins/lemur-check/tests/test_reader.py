"""Sources are read within limited time, in processes that can be ended."""

import pytest

from lemur_check import examination
from lemur_check.check import checker
from lemur_check.examination import MOST_FINDINGS, Examination, examine
from lemur_check.reader import SourceReader, UnreadableError
from lemur_check.run_result import Cause
from lemur_check.sketch import sketch_of
from lemur_check.tokens import count_tokens
from lemur_core.errors import PluginError
from lemur_core.sources.text import join_modules

from .conftest import FEW

HYPERPARAMETERS = "def supported_hyperparameters():\n    return {'lr'}\n"
# Python 3.11 parses the remaining text again at each brace: minutes for a million characters.
BRACES = "x = f'" + "{a}" * 60_000 + "'\n"


@pytest.fixture(scope="module")
def reader():
    """Return a reader that the tests of this module share."""
    source_reader = SourceReader()
    yield source_reader
    source_reader.close()


def test_reading_in_another_process_gives_the_same_result(reader, source):
    for code in (source, "x = (", "class Net: pass", f"import os\n{source}x = 0x{'f' * 5000}\n"):
        assert reader.examine(code).facts() == examine(code).facts()
        there, here = reader.sketch(code), sketch_of(code)
        assert (there and there.tree) == (here and here.tree)
        assert here is None or there.similarity(here) == 1
        assert reader.tokens(code) == count_tokens(code)
    assert Examination.of(examine(source).facts()).quality == examine(source).quality


def test_reading_stops_at_the_time_limit():
    reader = SourceReader(seconds=2)
    # The time limit does not include starting the process.
    assert reader.examine("x = 1").step == "template"
    with pytest.raises(UnreadableError, match="takes longer than 2 s to read") as raised:
        reader.examine(BRACES * 5)
    assert raised.value.cause is Cause.TIME
    assert reader.sketch(BRACES * 5) is None
    reader.close()


def test_a_killed_reader_only_fails_one_source(reader, source):
    reader.examine("x = 1")
    process = reader._processes.get()
    process._running().kill()
    process._running().wait()
    reader._processes.put(process)
    assert reader.examine(source).reason == ""


def test_imported_modules_of_the_folder_are_read(reader, tmp_path, source):
    (tmp_path / "part.py").write_text("x = 1\n")
    (tmp_path / "Net.py").write_text(f"from part import x\n{source}")
    assert reader.complete(tmp_path / "Net.py").count("x = 1\n") == 1
    (tmp_path / "part.py").write_bytes(b"\xff")
    with pytest.raises(PluginError, match=r"part\.py cannot be read as Python"):
        reader.complete(tmp_path / "Net.py")
    with pytest.raises(PluginError, match="No such file"):
        reader.complete(tmp_path / "None.py")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("x = " + "1+" * 50_000 + "1", "is not Python: "),
        ("x = " + "not " * 50_000 + "1", "is not Python: "),
        ("x = a" + ".b" * 50_000, "is not Python: "),
        ("(" * 100_000, "is not Python: too many nested parentheses"),
        ("if 1: pass\n" + "elif 1: pass\n" * 20_000, "is not Python: "),
        # These are parsed, but nested too deeply for the check of the template.
        ("if 1: pass\n" + "elif 1: pass\n" * 1_500, "is nested too deeply"),
        ("\0", "is not Python: "),
        ("\ud800", "is not Python: "),
        ("# coding: utf-7\nx = 1", "declares the encoding utf-7; expected UTF-8"),
        ("#!\n# -*- coding: utf-16 -*-\n", "declares the encoding utf-16; expected UTF-8"),
        ("# vim: fileencoding=rot13\n", "declares the encoding rot13; expected UTF-8"),
        ("# coding: nowhere\n", "declares an encoding that Python does not know"),
        (f"# coding: {'a' * 100_000}\n", "declares an encoding that Python does not know"),
        ("\ufeff# coding: latin-1\n", "declares an encoding that Python does not know"),
        ("# coding: latin-1\nx = 'é'", "declares the encoding iso-8859-1; expected UTF-8"),
        ("x" * 1_000_001, "has 1,000,001 characters; expected 1,000,000 at most"),
        (f"{HYPERPARAMETERS}class {'N' * 999_000}: pass", "has no class Net"),
        (f"{HYPERPARAMETERS}def Net(): pass", "Net is a function; expected a class"),
        (f"def supported_hyperparameters(x, y=0x{'f' * 9_000}): pass\nclass Net: pass",
         "supported_hyperparameters takes (x, y); expected ()"),
        (f"def supported_hyperparameters({'a' * 9_000}): pass\nclass Net: pass",
         "supported_hyperparameters takes (aaaa"),
    ],
)  # fmt: skip
def test_each_fault_has_its_own_reason(reader, code, reason):
    examination = reader.examine(code)
    assert examination.reason.startswith(reason)
    assert len(examination.reason) <= 500


@pytest.mark.parametrize(
    "code", ["# coding: utf-8\n", "# coding: UTF8\nx = 'é'", "# coding: latin-1\n", "x\n#coding:x"]
)
def test_a_declared_encoding_that_decodes_to_the_same_text_is_accepted(reader, code):
    assert reader.examine(code).reason == "has no class Net"


def test_a_base_that_is_shared_by_classes_is_visited_once(reader):
    classes = "\n".join(
        f"class A{number}(A{number + 1}, A{number + 1}): pass" for number in range(60)
    )
    examination = reader.examine(f"{HYPERPARAMETERS}{classes}\nclass Net(A0): pass")
    assert examination.reason == ""
    diamond = "class Base(nn.Module): pass\nclass A(Base): pass\nclass B(Base): pass\n"
    examination = reader.examine(f"{HYPERPARAMETERS}{diamond}class Net(A, B): pass")
    assert examination.reason == "Net has no method __init__(in_shape, out_shape, prm, device)"


def test_findings_are_limited_and_the_others_counted(reader):
    code = "".join(f"import os\nundefined{number}\nexec('')\n" for number in range(1_000))
    examination = reader.examine(f"{HYPERPARAMETERS}class Net: pass\n{code}")
    for findings in (examination.reaches, examination.quality.findings):
        assert len(findings) == MOST_FINDINGS + 1
        assert findings[-1].text.endswith(" more are not listed")
    assert examination.reaches[-1].text == "1,800 more are not listed"


def test_ruff_is_started_once_for_all_modules(monkeypatch, source):
    started = []
    run = examination.quality.__globals__["subprocess"].run
    monkeypatch.setattr(
        "lemur_check.quality.subprocess.run",
        lambda *arguments, **options: started.append(arguments) or run(*arguments, **options),
    )
    modules = {f"part{number}": f"import os\nx = {number}\n" for number in range(9)}
    result = examine(join_modules(source, "recorded_x", modules))
    assert len(started) == 1
    assert [finding.text for finding in result.quality.findings] == [
        f"part{number}: F401: `os` imported but unused" for number in range(9)
    ]


def test_quality_is_omitted_if_ruff_takes_too_long(monkeypatch, source):
    def fail(command, **options):
        raise examination.quality.__globals__["subprocess"].TimeoutExpired(command, 1)

    monkeypatch.setattr("lemur_check.quality.subprocess.run", fail)
    assert (examine(source).quality, examine(source).reason) == (None, "")


def test_an_unreadable_source_does_not_end_a_batch(source, tmp_path):
    with checker(FEW, threads=1, db=tmp_path / "lemur.db", no_walls=True) as check:
        check._reader = SourceReader(seconds=2)
        check._reader.examine("x = 1")
        verdict = check(BRACES * 5)
        assert (verdict.valid, verdict.step, verdict.limit) == (False, "parse", "time")
        assert verdict.reason == "takes longer than 2 s to read"
        check._reader = SourceReader()
        assert check(source).valid
        # With the same limits the source is not read again.
        assert check(BRACES * 5) == verdict
        check._reader.close()
