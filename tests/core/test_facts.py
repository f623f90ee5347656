"""Facts: named values of a trial or of one of its epochs."""

import math
import shutil
import sqlite3

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sqlalchemy import select

import lemur_core
from lemur_core.cli import cli
from lemur_core.errors import FactError, LemurError, UnknownNameError
from lemur_core.store import schema
from lemur_core.store.database import open_engine
from lemur_core.store.facts import WHOLE_TRIAL, read_facts, record

UID = "5" * 32


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    path = tmp_path_factory.mktemp("template") / "results.db"
    trials = [
        {
            "id": number, "uid": uid, "task": "t", "dataset": "d", "metric": "m", "nn": "Net",
            "number": number, "prm": "p", "state": "finished", "versions": {},
        }
        for number, uid in ((1, UID), (2, "51" * 16))
    ]  # fmt: skip
    epochs = [{"trial_id": 1, "epoch": epoch, "accuracy": 0.5} for epoch in (1, 2)]
    with open_engine(path, create=True) as engine, engine.begin() as connection:
        connection.execute(schema.trial.insert(), trials)
        connection.execute(schema.stat.insert(), epochs)
    return path


@pytest.fixture
def db(template, tmp_path):
    """A database with two trials, the first with two epochs."""
    return shutil.copy(template, tmp_path)


def recorded(db, trial_id=1):
    """Return the facts of a trial by epoch."""
    with open_engine(db) as engine, engine.connect() as connection:
        return read_facts(connection, [trial_id]).get(trial_id, {})


VALUES = {
    "tenth": 0.1,
    "next after one": math.nextafter(1, 2),
    "least": 5e-324,
    "minus zero": -0.0,
    "one": 1,
    "one as a float": 1.0,
    "64 bits": 2**63 - 1,
    "65 bits": 2**64 + 1,
    "negative": -(2**64),
    "yes": True,
    "nothing": None,
    "text": 'a "quote", NUL \0, half an emoji \ud83d, ä 日本 🐒\n',
    "list": [1, 1.0, "a", None, [False]],
    "object": {"b": 1, "a": {"ä": [0.1]}},
    "edge.latency_ms": 3.25,
    "größe·日本": 2,
}


def test_a_value_is_stored_exactly(db):
    record(UID, VALUES, db=db)
    facts = recorded(db)[WHOLE_TRIAL]
    assert facts == VALUES
    assert {name: repr(value) for name, value in facts.items()} == {
        name: repr(value) if name != "object" else "{'a': {'ä': [0.1]}, 'b': 1}"
        for name, value in VALUES.items()
    }


def test_an_epoch_has_facts_of_its_own(db):
    record(UID, {"norm": 1.5}, epoch=1, db=db)
    record(UID, {"norm": 2.5}, epoch=2, db=db)
    assert recorded(db) == {1: {"norm": 1.5}, 2: {"norm": 2.5}}


def test_a_trial_is_found_by_an_unambiguous_prefix(db):
    record("51", {"a": 1}, db=db)
    assert recorded(db, 2) == {0: {"a": 1}}
    with pytest.raises(UnknownNameError) as raised:
        record("5", {"a": 1}, db=db)
    assert str(raised.value) == (
        "trial '5' could be 2 trials: 51515151 (t_d_m_Net trial 2), 55555555 (t_d_m_Net trial 1); "
        "name one by its id"
    )


def test_the_same_value_again_changes_nothing(db):
    record(UID, {"a": [1, {"b": 0.5}]}, db=db)
    record(UID, {"a": [1, {"b": 0.5}]}, db=db)
    assert recorded(db) == {0: {"a": [1, {"b": 0.5}]}}


@pytest.mark.parametrize("other", [1.0, 2, "1", True, [1]], ids=repr)
def test_a_different_value_is_refused_unless_replace_is_set(db, other):
    record(UID, {"a": 1}, db=db)
    with pytest.raises(FactError) as raised:
        record(UID, {"a": other, "b": 2}, db=db)
    assert str(raised.value) == "fact 'a' of the trial is recorded already with another value"
    assert recorded(db) == {0: {"a": 1}}
    record(UID, {"a": other}, db=db, replace=True)
    (value,) = recorded(db)[0].values()
    assert (value, type(value)) == (other, type(other))


def test_all_facts_of_a_call_are_recorded_or_none(db):
    with pytest.raises(FactError):
        record(UID, {"a": 1, "b": math.nan}, db=db)
    record(UID, {"b": 1}, epoch=1, db=db)
    with pytest.raises(FactError):
        record(UID, {"a": 1, "b": 2}, epoch=1, db=db)
    assert recorded(db) == {1: {"b": 1}}


def test_a_name_belongs_to_the_trial_or_to_its_epochs(db):
    record(UID, {"a": 1}, db=db)
    with pytest.raises(FactError) as raised:
        record(UID, {"a": 1}, epoch=1, db=db)
    assert str(raised.value) == (
        "fact 'a' is recorded of the trial as a whole already; choose another name"
    )
    record(UID, {"b": 1}, epoch=1, db=db)
    with pytest.raises(FactError) as raised:
        record(UID, {"b": 1}, db=db)
    assert str(raised.value) == ("fact 'b' is recorded of its epochs already; choose another name")


def test_scalars_of_array_libraries_are_converted(db):
    record(UID, {"f32": np.float32(0.1), "i64": np.int64(2**62), "bool": np.bool_(True)}, db=db)
    record(UID, {"f64": np.float64(0.1), "zero-dim": np.array(7), "list": [np.int8(3)]}, db=db)
    facts = recorded(db)[0]
    # The float32 closest to 0.1 is 13421773 / 2**27 by IEEE 754.
    assert facts["f32"] == 13421773 / 2**27
    assert (facts["i64"], facts["zero-dim"], facts["list"]) == (2**62, 7, [3])
    assert (facts["bool"], facts["f64"]) == (True, 0.1)


LOOP = []
LOOP.append(LOOP)
BAD = {
    "NaN": ({"a": math.nan}, "fact 'a': is or contains nan; expected finite numbers"),
    "infinity": (
        {"a": [{"b": -math.inf}]},
        "fact 'a': is or contains -inf; expected finite numbers",
    ),
    "NaN of NumPy": (
        {"a": np.float32("nan")},
        "fact 'a': is or contains nan; expected finite numbers",
    ),
    "megabyte": (
        {"a": "x" * 2**20},
        "fact 'a': its JSON has 1,048,578 bytes; at most 65,536 are allowed",
    ),
    "many digits": ({"a": 10**5000}, "fact 'a': an integer has too many digits"),
    "beyond real numbers": ({"a": -(10**309)}, "fact 'a': an integer has too many digits"),
    "bytes": (
        {"a": b"x"},
        "fact 'a': is of type bytes; expected a number, string, bool, None, list or dictionary",
    ),
    "array": (
        {"a": np.zeros(2)},
        "fact 'a': is an array (ndarray); expected a scalar, or its .tolist()",
    ),
    "more than a float": (
        {"a": np.longdouble(1)},
        "fact 'a': is of type longdouble; "
        "expected a number, string, bool, None, list or dictionary",
    ),
    "numbers as keys": (
        {"a": {1: 2}},
        "fact 'a': contains a dictionary with the key 1; expected strings as keys",
    ),
    "a loop": ({"a": LOOP}, "fact 'a': is nested deeper than 32 levels"),
    "no name": ({"": 1}, "fact name '': is empty"),
    "a number as name": ({3: 1}, "fact name 3: expected a string"),
    "control character": ({"a\nb": 1}, "fact name 'a\\nb': contains a control character"),
    "NUL": ({"a\0": 1}, "fact name 'a\\x00': contains a control character"),
    "surrogate": ({"a\ud83d": 1}, "fact name 'a\\ud83d': contains a control character"),
    "space": ({" a": 1}, "fact name ' a': starts or ends with a space"),
    "long name": (
        {"a" * 201: 1},
        "fact name 'aaaaaaaaaaaaaaaaaaaa...': has 201 characters; at most 200 are allowed",
    ),
    "column": (
        {"prm.lr": 1},
        "fact name 'prm.lr': starts with 'prm.', which is reserved for columns of results",
    ),
    "no dictionary": ([1], "facts [1]: expected a dictionary of values by name"),
}


@pytest.mark.parametrize(("facts", "line"), BAD.values(), ids=BAD)
def test_an_invalid_fact_is_an_error_of_one_line(db, facts, line):
    with pytest.raises(FactError) as raised:
        record(UID, facts, db=db)
    assert str(raised.value) == line
    assert recorded(db) == {}


@pytest.mark.parametrize(
    ("epoch", "line"),
    [
        (3, "trial 55555555 has no epoch 3; its last is 2"),
        (2**70, f"trial 55555555 has no epoch {2**70}; its last is 2"),
        (0, "epoch 0: expected the number of an epoch, from 1"),
        (True, "epoch True: expected the number of an epoch, from 1"),
        ("1", "epoch '1': expected the number of an epoch, from 1"),
    ],
)
def test_an_unknown_epoch_is_an_error_of_one_line(db, epoch, line):
    with pytest.raises(FactError) as raised:
        record(UID, {"a": 1}, epoch, db=db)
    assert str(raised.value) == line


@pytest.mark.parametrize("uid", ["0" * 32, "", "6%", None], ids=repr)
def test_an_unknown_trial_is_an_error_of_one_line(db, uid):
    with pytest.raises(UnknownNameError) as raised:
        record(uid, {"a": 1}, db=db)
    assert isinstance(raised.value, LemurError)
    assert "\n" not in str(raised.value)


def test_a_trial_of_an_empty_database_is_unknown(tmp_path):
    with open_engine(tmp_path / "empty.db", create=True):
        pass
    with pytest.raises(UnknownNameError) as raised:
        record("abc", {"a": 1}, db=tmp_path / "empty.db")
    assert str(raised.value) == "unknown trial 'abc'; there are none: none is recorded"


def test_values_are_stored_as_canonical_json(db):
    record(UID, {"a": {"b": 1, "a": "ä"}}, db=db)
    with sqlite3.connect(db) as connection:
        assert connection.execute("select value from fact").fetchall() == [
            ('{"a": "\\u00e4", "b": 1}',)
        ]
    with open_engine(db) as engine, engine.connect() as connection:
        assert connection.scalar(select(schema.fact.c.value)) == {"a": "ä", "b": 1}


def frame(db, **arguments):
    return lemur_core.data(db=db, **arguments)


def test_facts_are_columns_of_the_rows(db):
    record(UID, {"latency": 0.1, "accuracy": "mine"}, db=db)
    record(UID, {"norm": 2**53 + 1}, epoch=1, db=db)
    record(UID, {"norm": 3}, epoch=2, db=db)
    rows = frame(db, with_facts=True)
    assert [*rows.columns][-3:] == ["fact.accuracy", "latency", "norm"]
    assert [*rows["latency"]] == [0.1, 0.1]
    assert [*rows["norm"]] == [2**53 + 1, 3]
    assert [*rows["fact.accuracy"]] == ["mine", "mine"]
    assert [*rows["accuracy"]] == [0.5, 0.5]
    assert [str(rows[name].dtype) for name in ("latency", "norm")] == ["float64", "Int64"]
    assert "latency" not in frame(db)
    assert [*frame(db, with_facts=["norm"]).columns][-2:] == ["data", "norm"]


def test_facts_are_selected_by_columns(db):
    record(UID, {"latency": 1, "state": [1], "big": 2**70}, db=db)
    columns = ["latency", "epoch", "fact.state", "big"]
    rows = frame(db, columns=columns)
    assert [*rows.columns] == columns
    assert rows.to_dict("list") == {
        "latency": [1, 1], "epoch": [1, 2], "fact.state": [[1], [1]], "big": [2**70] * 2
    }  # fmt: skip
    rows["fact.state"][0].append(2)
    assert rows["fact.state"][1] == [1]


def test_a_fact_without_a_value_is_missing(db):
    record(UID, {"norm": 1}, epoch=2, db=db)
    (first, second) = frame(db, with_facts=True)["norm"]
    assert (first is pd.NA, second) == (True, 1)
    assert frame(db, with_facts=["norm"], nn="Other").empty


def test_an_unknown_fact_is_an_error_of_one_line(db):
    for arguments in ({"with_facts": ["norm"]}, {"with_facts": "norm"}):
        with pytest.raises(UnknownNameError) as raised:
            frame(db, **arguments)
        assert str(raised.value) == "unknown fact 'norm'; there are none: none is recorded"
    record(UID, {"norm": 1}, db=db)
    with pytest.raises(UnknownNameError, match="unknown column 'nom'. Did you mean 'norm'?"):
        frame(db, columns=["nom"])


def test_rows_are_filtered_by_facts(db):
    record(UID, {"latency": 3.25, "edge.device": "pixel"}, db=db)
    record(UID, {"norm": 1}, epoch=2, db=db)

    def epochs(**where):
        return [*frame(db, where=where)["epoch"]]

    assert epochs(latency=(3, 4)) == [1, 2]
    assert epochs(latency=(4, None)) == []
    assert epochs(norm=1.0) == [2]
    assert epochs(**{"fact.norm": [1, 2]}) == [2]
    assert epochs(**{"prm.norm": 1}) == []
    assert epochs(**{"edge.device": "pixel"}) == [1, 2]


def test_the_table_and_files_show_facts(db):
    record(UID, {"latency": 3.25, "l": [1, 2]}, db=db)
    table = lemur("data", "--with-facts", "--db", db)
    assert table.splitlines()[1].split()[-3:] == ["l", "latency", "hyperparameters"]
    assert table.splitlines()[2].split()[-3:] == ["[1,", "2]", "3.25"]
    record(UID, {"norm": 2**53 + 1}, epoch=1, db=db)
    table = lemur("data", "--columns", "epoch,norm,latency", "--db", db)
    assert [line.split() for line in table.splitlines()[1:]] == [
        ["1", str(2**53 + 1), "3.25"],
        ["2", "-", "3.25"],
    ]
    rows = lemur("data", "--format", "jsonl", "--columns", "epoch,latency,l", "--db", db)
    assert rows.splitlines()[0] == '{"epoch": 1, "latency": 3.25, "l": [1, 2]}'


def lemur(*arguments):
    ran = CliRunner().invoke(cli, [*map(str, arguments)], catch_exceptions=False)
    assert ran.exit_code == 0
    return ran.output
