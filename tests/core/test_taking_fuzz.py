"""Any content of a file is imported and exported unchanged, or a fault; never a traceback."""

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lemur_core import data
from lemur_core.cli.show_trial import trial_text
from lemur_core.store.care import check
from lemur_core.store.database import open_engine
from lemur_core.store.export import export
from lemur_core.store.importing.published import import_results
from lemur_core.store.importing.records import OWN_COLUMNS
from lemur_core.store.reading.stored_trial import read_stored_trial

from .test_taking import FIRST, PIPELINE

# JSON text may contain NUL and lone surrogates, which not every database can store.
TEXT = st.text(st.sampled_from("\0\ud83d_/%'\"\\\n=") | st.characters(), max_size=4)
NUMBERS = st.floats() | st.integers() | st.integers(2**62, 2**70) | st.booleans() | st.none()
VALUES = st.recursive(
    NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([*FIRST, "train_loss", "lemur", "gpu_type"]) | TEXT
ODD = st.sampled_from([2**63, -1, 1.5, float("nan"), float("inf"), True, [], {}, "\ud83d"]) | VALUES
OWN_NAMES = [*(column.name for column in OWN_COLUMNS), "trial", "data"]
OWN = st.dictionaries(st.sampled_from(OWN_NAMES), VALUES | st.just("0" * 32))
RECORDS = st.builds(lambda name, value: FIRST | {name: value}, NAMES, ODD)
OWN_RECORDS = OWN.map(lambda own: FIRST | {"lemur": own})
# As lemur writes it, except for one value; texts are valid or invalid JSON.
TEXTS = VALUES.map(json.dumps) | st.sampled_from(["nonsense", '{"epoch": 1}', "[[1]]", '{"f1": 1}'])
WHOLE = {
    "trial": "0" * 32, "validation": 0.5, "validation_loss": 0.5,
    "scores": '{"f1": [0.5, 0.5]}', "within": "[[0.5, 0.5]]",
    "seed": 0, "epochs": 1, "state": "converged", "reason": "", "device": "cpu", "parameters": 3,
    "in_shape": "[1, 3]", "out_shape": "[2]", "predicted": 0.5,
    "estimate": '{"audited": false, "epoch": 0.5, "estimator": "a", "facts": {}}',
    "versions": {}, "started": "", "ended": None, "left_out": '{"train": 1}', "recipe": "0" * 32,
    "data": None, "user": "ada",
}  # fmt: skip
NEARLY_OWN = st.builds(
    lambda name, value: WHOLE | {name: value}, st.sampled_from([*WHOLE]), TEXTS | ODD
)
FUZZ = settings(max_examples=60, deadline=None, database=None)


@contextmanager
def taken(content):
    """Import a file with this content; return the folder, the database and the output."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "stat" / PIPELINE / "1.json"
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
        with open_engine(folder / "results.db", create=True) as engine:
            yield folder, engine, import_results(engine, folder / "stat")


def given_back(folder, engine):
    export(engine, folder / "back")
    files = list((folder / "back").rglob("*.json"))
    return [record for file in files for record in json.loads(file.read_text())]


def as_text(records):
    return sorted(json.dumps(with_whole_duration(values), sort_keys=True) for values in records)


def with_whole_duration(record):
    """Return a record in which a duration of 5.0 is 5."""
    duration = record.get("duration")
    return record | {"duration": int(duration)} if isinstance(duration, float) else record


@FUZZ
@example([FIRST | {"duration": 2**63}, FIRST | {"accuracy": 2**70}, FIRST | {"uid": "\ud83d"}])
@example([FIRST | {"\0": 1}, FIRST | {"\\x00": 1}, FIRST | {"\ud83d": {"\0": "\0"}}, FIRST])
@example([FIRST | {"train_loss": None}, FIRST | {"duration": None}])
@given(st.lists(RECORDS | OWN_RECORDS | VALUES, max_size=4))
def test_each_record_is_exported_unchanged_or_a_fault(records):
    with taken(json.dumps(records).encode()) as (folder, engine, report):
        assert report.read + len(report.faults) == len(records)
        faulty = {int(fault.place.rpartition(" ")[2]) - 1 for fault in report.faults}
        good = [values for place, values in enumerate(records) if place not in faulty]
        assert as_text(given_back(folder, engine)) == as_text(good)
        assert len(data(db=folder / "results.db")) == report.added == report.read
        assert check(engine) == []
        assert import_results(engine, folder / "stat").added == 0


def test_records_as_lemur_writes_them_are_imported():
    assert set(OWN_NAMES) == set(WHOLE)
    with taken(json.dumps([FIRST | {"lemur": WHOLE}]).encode()) as (_, _, report):
        assert (report.added, report.faults) == (1, [])


@FUZZ
@given(NEARLY_OWN)
def test_slightly_altered_records_are_readable_or_faults(own):
    with taken(json.dumps([FIRST | {"lemur": own}]).encode()) as (folder, engine, report):
        assert report.added + len(report.faults) == 1
        assert len(data(db=folder / "results.db", with_stats=True)) == report.added
        given_back(folder, engine)
        with engine.connect() as connection:
            for (uid,) in connection.exec_driver_sql("select uid from trial").all():
                trial_text(read_stored_trial(connection, uid))


@FUZZ
@given(st.binary(max_size=200) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_no_content_causes_a_traceback(content):
    with taken(content) as (folder, _, report):
        assert len(data(db=folder / "results.db")) == report.added


@FUZZ
@given(st.integers(0, 400), st.integers(0, 255))
def test_an_altered_byte_causes_no_traceback(place, byte):
    content = bytearray(json.dumps([FIRST, FIRST | {"uid": "b"}], indent=4).encode())
    content[place % len(content)] = byte
    with taken(bytes(content)) as (_, engine, report):
        assert report.added + len(report.faults) >= 1
        assert check(engine) == []


@pytest.mark.parametrize("cut", range(0, 200, 17))
def test_a_truncated_file_is_a_fault(cut):
    with taken(json.dumps([FIRST]).encode()[: cut % 150]) as (_, _, report):
        assert report.added == 0
        assert len(report.faults) == 1


@FUZZ
@example({"nn": "\ud83d"}, "\ud83d", None)
@given(st.dictionaries(st.sampled_from(["task", "dataset", "metric", "nn"]), TEXT), TEXT, VALUES)
def test_hostile_filters_match_nothing_and_do_no_harm(names, name, value):
    with taken(json.dumps([FIRST]).encode()) as (folder, _, _):
        db = folder / "results.db"
        hostile = {key: f"{text}' or 1=1 --" for key, text in names.items() if key != "dataset"}
        where = {} if isinstance(value, dict | list) else {f"{name}'": value}
        rows = data(db=db, **hostile, where=where, nn_prefixes=[f"%{name}"])
        assert rows.empty
        assert len(data(db=db)) == 1
