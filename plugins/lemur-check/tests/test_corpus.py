"""Exports of code with its scores for language models."""

import json
import sqlite3
from contextlib import closing
from functools import partial

import pandas as pd
import pytest

import lemur_core
from lemur_check import corpus as corpora
from lemur_check.corpus import MEMBERS, corpus
from lemur_check.reader import SourceReader
from lemur_core import Entry, Epoch, Outcome, Pattern, Results, State, Trial, compose, installed
from lemur_core.cli.export import export
from lemur_core.errors import SettingsError
from lemur_core.store.database import open_engine
from lemur_core.store.export import export as write_back
from lemur_core.store.importing.published import import_results
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Size

from .test_reader import BRACES

TASK, DIGITS = "img-classification", "digits"


def pipeline(net, registry, dataset=DIGITS):
    return compose(registry, [Pattern.parse(f"{TASK}_{dataset}_acc_{net}")])[0]


@pytest.fixture
def db(tmp_path):
    """Return a database of four nets, two of them near copies, a copy, and a published result."""
    path = tmp_path / "lemur.db"
    registry = installed()
    copy = tmp_path / "Copy.py"
    copy.write_text("# A copy.\n" + registry.get("net", "VGG").source())
    registry = registry.with_entries("mine", "net", [Entry("Copy", str(copy), (TASK,))])
    results = [
        ("VGG", 0.5, 0.1), ("VGG", 0.75, 0.2), ("Copy", 0.7, 0.1), ("SqueezeNet-1", 0.25, 0.1),
        ("SqueezeNet-2", 0.3, 0.1), ("ResNet", 0.9, 0.1),
    ]  # fmt: skip
    with open_engine(path, create=True) as engine:
        writer = Writer(engine, {})
        for number, (net, accuracy, lr) in enumerate(results, 1):
            prm = {"lr": lr, "batch": 32, "transform": "norm_32"}
            trial_id = writer.begin(Trial(pipeline(net, registry), number, prm, 7, 2))
            size = Size(100 * number, (1, 1, 32, 32), (10,))
            validation = accuracy - 0.1
            writer.record(trial_id, Epoch(1, 0.5, validation, 0.99, 10**9, size=size))
            writer.record(trial_id, Epoch(2, 0.5, validation, accuracy, 2 * 10**9, size=size))
            writer.finish(trial_id, Outcome(State.FINISHED, ()))
        published = tmp_path / f"{TASK}_cifar-10_acc_ResNet"
        published.mkdir()
        (published / "1.json").write_text('[{"accuracy": 0.5, "lr": 0.1}]')
        assert import_results(engine, published.parent).added == 1
    return path


def of(db, arguments=None, **options):
    with open_engine(db) as engine:
        return corpus(Results(engine, arguments), **options)


def test_each_net_and_pipeline_has_a_line_with_its_best_epoch(db):
    exported = of(db)
    assert [(line["nn"], line["accuracy"], line["epochs"]) for line in exported.lines] == [
        ("ResNet", 0.9, 2), ("VGG", 0.75, 2), ("SqueezeNet-2", 0.3, 2), ("SqueezeNet-1", 0.25, 2),
    ]  # fmt: skip
    first = exported.lines[1]
    assert tuple(first) == MEMBERS
    assert first["code"] == installed().get("net", "VGG").source()
    assert (first["task"], first["dataset"], first["metric"]) == (TASK, DIGITS, "acc")
    assert (first["in_shape"], first["out_shape"], first["parameters"]) == (
        [1, 1, 32, 32], [10], 200,
    )  # fmt: skip
    assert first["prm"] == {"lr": 0.2, "batch": 32, "transform": "norm_32"}
    assert (first["validation"], first["duration"]) == (0.65, 2 * 10**9)
    # This result was published without its code.
    assert exported.unknown == 1


def test_code_that_takes_too_long_to_read_is_left_out(db, monkeypatch):
    monkeypatch.setattr(corpora, "SourceReader", partial(SourceReader, seconds=5))
    with closing(sqlite3.connect(db)) as connection, connection:
        changed = connection.execute(
            "update code set text = ? where hash = (select hash from nn where name = ?)",
            (BRACES * 5, "SqueezeNet-1"),
        )
        assert changed.rowcount == 1
    exported = of(db)
    assert [line["nn"] for line in exported.lines] == ["ResNet", "VGG", "SqueezeNet-2"]
    assert exported.unknown == 3


def test_all_writes_a_line_for_each_hyperparameter_set(db):
    lines = of(db, every=True).lines
    assert [(line["nn"], line["prm"]["lr"], line["accuracy"]) for line in lines] == [
        ("ResNet", 0.1, 0.9), ("VGG", 0.2, 0.75), ("Copy", 0.1, 0.7), ("SqueezeNet-2", 0.1, 0.3),
        ("SqueezeNet-1", 0.1, 0.25),
    ]  # fmt: skip


@pytest.mark.parametrize("share", [0, 0.1, 0.25, 0.5, 1])
def test_a_family_is_in_one_split(db, share):
    exported = of(db, test=share)
    split = {}
    for line in exported.lines:
        split.setdefault(line["family"], set()).add(line["split"])
    assert exported.families == len(split) == 3
    assert all(len(splits) == 1 for splits in split.values())
    by_name = {line["nn"]: line["family"] for line in exported.lines}
    assert by_name["SqueezeNet-1"] == by_name["SqueezeNet-2"]
    assert exported.of("train") + exported.of("test") == 4
    assert share * 4 - 2 <= exported.of("test") <= max(1, 8 * share)
    assert exported.lines == of(db, test=share).lines


def test_filters_select_lines(db):
    assert [line["nn"] for line in of(db, {"nn": "VGG"}).lines] == ["VGG"]
    assert of(db, {"nn": "none"}).lines == []
    with pytest.raises(SettingsError, match="share is 2; expected 0 to 1"):
        of(db, test=2)


def run(*arguments):
    export.main([str(argument) for argument in arguments], standalone_mode=False)


def test_the_command_writes_lines_and_prints_totals(db, tmp_path, capsys):
    file, table = tmp_path / "code.jsonl", tmp_path / "code.parquet"
    run("--output", file, "--db", db)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines == of(db).lines
    tokens = sum(line["tokens"] for line in lines)
    out, err = capsys.readouterr()
    size = f"{file.stat().st_size / 1024:.1f} KiB"
    assert f"wrote {file}, {size}: 4 lines, {tokens:,} tokens of Python; " in out
    assert "left out 1 results whose code is not known" in err
    run("--output", table, "--format", "parquet-code", "--db", db)
    frame = pd.read_parquet(table)
    assert frame["accuracy"].tolist() == [line["accuracy"] for line in lines]
    assert [json.loads(text) for text in frame["prm"]] == [line["prm"] for line in lines]
    assert frame["code"].tolist() == [line["code"] for line in lines]


def test_tokens_are_counted_as_python_does(db):
    import io
    import tokenize

    line = of(db).lines[0]
    kinds = [token.type for token in tokenize.generate_tokens(io.StringIO(line["code"]).readline)]
    counted = [kind for kind in kinds if kind not in (tokenize.NL, tokenize.ENDMARKER)]
    assert line["tokens"] == len(counted)


def test_sizes_survive_an_export_and_import(db, tmp_path):
    with open_engine(db) as engine:
        write_back(engine, tmp_path / "copy")
    other = tmp_path / "other.db"
    with open_engine(other, create=True) as engine:
        assert import_results(engine, tmp_path / "copy").faults == []
    columns = ["trial", "epoch", "accuracy", "parameters"]
    before, after = (
        lemur_core.data(db=path, with_stats=True, columns=columns) for path in (db, other)
    )
    before, after = (
        frame.sort_values(columns[:2], ignore_index=True)[columns[1:]] for frame in (before, after)
    )
    pd.testing.assert_frame_equal(before, after)
