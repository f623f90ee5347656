"""A field of a trial or an epoch is declared in one place and has one form in JSON."""

import json
import subprocess
import sys

import pytest

from lemur_core.codec import DECODING_ERRORS, from_json, to_json
from lemur_core.store.database import open_engine
from lemur_core.store.field import Field
from lemur_core.store.fields import EPOCH, TRIAL
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Epoch, Outcome, Prediction, Size, State, Trial

from .test_store import PRM, pipeline

# Run in a separate process, as modules use the fields when they are imported.
_ADD_FIELDS = """
import sys
from pathlib import Path

from sqlalchemy import Float, Integer

from lemur_core.store import fields
from lemur_core.store.field import Field, Publication, ShownColumn

assert "lemur_core.store.schema" not in sys.modules
fields.TRIAL += (
    Field(
        "rung", Integer, begin=lambda trial: trial.seed % 10, published=Publication.OPTIONAL,
        setting=True,
        shown=(ShownColumn("rung", "Int64", with_stats=True),),
    ),
    Field(
        "words", Integer, end=lambda outcome: len(outcome.reason.split()),
        published=Publication.NULLABLE, shown=(ShownColumn("words", "Int64", with_stats=True),),
    ),
    Field(
        "depth", Integer, epoch=lambda epoch: epoch.facts.get("depth"),
        published=Publication.OPTIONAL, shown=(ShownColumn("depth", "Int64", with_stats=True),),
    ),
)
fields.EPOCH += (
    Field(
        "gap", Float, epoch=lambda epoch: epoch.validation - epoch.accuracy,
        published=Publication.OPTIONAL, shown=(ShownColumn("gap", "float64"),),
    ),
)

import json

from lemur_core import data
from lemur_core.entry import Entry
from lemur_core.pipeline import Pipeline
from lemur_core.store.database import open_engine
from lemur_core.store.export import export
from lemur_core.store.reading.stored_trial import read_stored_trial
from lemur_core.store.importing.merge import merge
from lemur_core.store.importing.published import import_results
from lemur_core.store.trouble import AwayError
from lemur_core.store.writing import holding, spill, writer
from lemur_core.trial import Epoch, Outcome, State, Trial

folder, entry = Path(sys.argv[1]), Entry("any", sys.argv[0])
pipeline = Pipeline("task", "data", "score", "Net", entry, entry, entry, {"plain": entry})


def away(*_):
    raise AwayError("away")


def check(db):
    frame = data(db=folder / db, with_stats=True)
    assert frame["gap"].tolist() == [0.25, -0.25], frame["gap"]
    for name, value in (("rung", 7), ("words", 2), ("depth", 3)):
        assert frame[name].tolist() == [value, value], frame[name]
    assert len(data(db=folder / db, where={"rung": 7, "gap": (None, 0)})) == 1
    with open_engine(folder / db) as engine, engine.connect() as connection:
        stored = read_stored_trial(connection, "a")
        assert (stored.summary["rung"], stored.settings["rung"]) == (7, 7)
        assert "words" not in stored.settings


with open_engine(folder / "one.db", create=True) as engine:
    first = writer.Writer(engine, {})
    prm = {"lr": 0.1, "transform": "plain"}
    trial_id = first.begin(Trial(pipeline, 1, prm, 17, 2, uid="a" * 32))
    first.record(trial_id, Epoch(1, None, 0.5, 0.25, 1))
    original, spill.patiently = spill.patiently, away
    holding.patiently = away
    first.record(trial_id, Epoch(2, None, 0.5, 0.75, 2, facts={"depth": 3}))
    first.finish(trial_id, Outcome(State.FAILED, (), "no luck"))
    spill.patiently = holding.patiently = original
    assert writer.Writer(engine, {}).imported == 2
check("one.db")
merged = folder / "merged.db"
with open_engine(folder / "one.db") as engine, open_engine(merged, create=True) as other:
    export(engine, folder / "stat")
    merge(other, engine)
check("merged.db")
[file] = (folder / "stat").glob("*/1.json")
[record] = json.loads(file.read_text())
assert (record["lemur"]["rung"], record["lemur"]["gap"]) == (7, 0.25), record
with open_engine(folder / "again.db", create=True) as engine:
    assert import_results(engine, folder / "stat").added == 2
check("again.db")
record["lemur"]["rung"] = "seven"
file.write_text(json.dumps([record]))
with open_engine(folder / "bad.db", create=True) as engine:
    [fault] = import_results(engine, folder / "stat").faults
assert fault.reason == "lemur: rung 'seven': is not what lemur writes", fault
"""


def test_a_field_is_written_shown_exported_imported_merged_and_spilled(tmp_path):
    script = tmp_path / "add_fields.py"
    script.write_text(_ADD_FIELDS)
    subprocess.run([sys.executable, script, tmp_path], check=True, cwd=tmp_path)


def test_trials_with_the_same_or_an_unknown_recipe_are_counted(toys, tmp_path):
    recipes = ("a" * 32, "b" * 32, None)
    with open_engine(tmp_path / "one.db", create=True) as engine:
        writer = Writer(engine, {})
        for number, recipe in enumerate(recipes, 1):
            writer.begin(Trial(pipeline(toys), number, PRM, 7, 2, recipe=recipe))

        def numbers(recipe):
            return [trial.number for trial in writer.past(pipeline(toys), 2, recipe=recipe)]

        assert (numbers("a" * 32), numbers("c" * 32), numbers(None)) == ([1, 3], [3], [1, 2, 3])
        with engine.connect() as connection:
            stored = connection.exec_driver_sql("select recipe from trial order by number")
            assert tuple(stored.scalars()) == recipes


def test_trials_of_different_recipes_are_compared_as_such(toys, tmp_path, lemur):
    file = tmp_path / "one.db"
    with open_engine(file, create=True) as engine:
        writer = Writer(engine, {})
        for number, recipe in enumerate(("a" * 32, "b" * 32), 1):
            uid = f"{number}" * 32
            left_out = {"test": number - 1} if number > 1 else {}
            trial = Trial(
                pipeline(toys), number, PRM, 7, 2, uid=uid, recipe=recipe, left_out=left_out
            )
            writer.begin(trial)
    status, out, _ = lemur("compare", "1", "2", "--db", str(file))
    assert status == 0
    rows = [line.split() for line in out.splitlines()]
    assert ["recipe", "a" * 32, "b" * 32] in rows
    assert ["left_out", "None", '{"test":1}'] in rows
    status, out, _ = lemur("show", "trial", "2", "--no-source", "--db", str(file))
    assert f"recipe      {'b' * 32}" in out.splitlines()
    assert "epochs      2" in out.splitlines()


@pytest.mark.parametrize(
    "record",
    [
        Epoch(1, None, 0.5, 0.25, 10),
        Epoch(
            2, 0.1, 0.5, 0.25, 2**40, {"f1": (0.5, 0.1 + 0.2)}, ((1.5, 0.25), (1.75, 0.5)),
            Size(11, (1, 4), ()), {"a.b": [1, None, {"ü": 0.1}]},
        ),
        Prediction(0.75, 2.5, "curve:window=3", {"low": None}, audited=True),
        Outcome(State.FAILED, (), "no luck", "Traceback", out_of_memory=True),
    ],
)  # fmt: skip
def test_a_record_survives_json(record):
    read = from_json(type(record), json.loads(json.dumps(to_json(record))))
    assert read == record
    assert repr(read) == repr(record)


def test_the_json_of_an_epoch_is_pinned():
    epoch = Epoch(2, 0.5, 0.25, 0.125, 7, {"f1": (0.5, 1.0)}, ((1.5, 0.25),), Size(3, (1,), (2,)))
    assert json.dumps(to_json(epoch), sort_keys=True) == (
        '{"accuracy": 0.125, "duration_ns": 7, "facts": {}, "loss": 0.5, "number": 2, '
        '"scores": {"f1": [0.5, 1.0]}, "size": [3, [1], [2]], "validation": 0.25, '
        '"validation_loss": null, "within": [[1.5, 0.25]]}'
    )


def test_missing_keys_of_a_record_have_defaults():
    record = {"number": 1, "loss": None, "validation": 0, "accuracy": 0.5, "duration_ns": 1}
    assert from_json(Epoch, record | {"unknown": 1}) == Epoch(1, None, 0.0, 0.5, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("number", "first"), ("number", 1e999), ("validation", None), ("accuracy", 10**400),
        ("scores", []), ("scores", {"f1": [0.5]}), ("within", 1), ("within", [[0.5]]),
        ("size", [1, 2]), ("size", [1, 2, 3, 4]), ("facts", []),
    ],
)  # fmt: skip
def test_an_invalid_epoch_is_refused(name, value):
    record = to_json(Epoch(1, None, 0.5, 0.5, 1)) | {name: value}
    with pytest.raises(DECODING_ERRORS):
        from_json(Epoch, record)


def _field(name: str) -> Field:
    return {field.name: field for field in (*TRIAL, *EPOCH)}[name]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("seed", [None, 0, 2**31 - 1], [-1, 2**31, True, 1.0, "1"]),
        ("parameters", [None, 2**63 - 1], [2**63, -1, 0.5]),
        ("predicted", [None, 0.5], [1, "0.5"]),
        ("state", ["failed"], [None, "fine", 1]),
        ("device", [None, "cpu"], ["c\0pu", "\ud83d"]),
        ("versions", [{}, {"torch": "2"}], [None, "{}", []]),
        ("recipe", [None, "a" * 32], ["a" * 33, 5]),
        ("left_out", [None, '{"test": 2}'], ['{"tset": 2}', '{"test": 0}', "[]", "{"]),
        ("scores", [None, '{"f1": [0.5, 1]}'], ['{"f1": 1}', "[[1]]", "", {}]),
        ("in_shape", [None, "[1, 4]"], ["[1e999]", "4", '"wide"']),
    ],
)
def test_an_imported_value_that_lemur_does_not_write_is_refused(name, good, bad):
    for value in good:
        _field(name).check(value)
    for value in bad:
        with pytest.raises(DECODING_ERRORS):
            _field(name).check(value)
