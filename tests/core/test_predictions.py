"""What estimators settled on, and what was left out, is recorded, read back, and taken along."""

import json

import pytest

from lemur_core import data
from lemur_core.store.database import open_engine
from lemur_core.store.export import export
from lemur_core.store.importing.merge import merge
from lemur_core.store.importing.published import import_results
from lemur_core.store.reading.stored_trial import read_stored_trial
from lemur_core.store.trouble import AwayError
from lemur_core.store.values import prediction_of, within_of
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Epoch, Outcome, Prediction, State, Trial

from .test_store import PRM, pipeline

PREDICTION = Prediction(0.75, 2.5, "curve:window=3", {"a": 0.1 + 0.2, "low": None}, audited=True)
_WITHIN = "select within from stat join trial on trial.id = trial_id order by uid, epoch"
LEFT_OUT = {"test": 1, "train": 20}
WITHIN = ((1.25, 0.1 + 0.2), (1.5, 0.5))


@pytest.fixture
def db(toys, tmp_path):
    """One trial that an estimator stopped, and one that had none."""
    file = tmp_path / "results.db"
    with open_engine(file, create=True) as engine:
        writer = Writer(engine, {"torch": "2"})
        kept = ((PREDICTION, LEFT_OUT), (None, {}))
        for number, (prediction, left_out) in enumerate(kept, 1):
            uid = f"{number}" * 32
            trial = Trial(pipeline(toys), number, PRM, 7, 9, uid=uid, left_out=left_out)
            trial_id = writer.begin(trial)
            writer.record(trial_id, Epoch(1, 0.5, 0.25, 0.5, 1))
            writer.record(trial_id, Epoch(2, 0.5, 0.5, 0.5, 2, within=WITHIN))
            writer.finish(trial_id, Outcome(State.CONVERGED, (), prediction=prediction))
    return file


def check(file):
    """The first trial is as it was recorded."""
    frame = data(db=file).sort_values(["trial", "epoch"])
    assert frame["predicted"].fillna(-1).tolist() == [0.75, 0.75, -1, -1]
    assert frame["validation"].tolist() == [0.25, 0.5] * 2
    assert set(frame["state"]) == {"converged"}
    rows = data(db=file, with_stats=True).sort_values(["trial", "epoch"])
    assert rows["within"].tolist() == [{}, dict(WITHIN)] * 2
    with open_engine(file) as engine, engine.connect() as connection:
        trial, other = (read_stored_trial(connection, number * 32) for number in "12")
        assert prediction_of(trial.facts["predicted"], trial.facts["estimate"]) == PREDICTION
        assert (trial.left_out, other.left_out) == (LEFT_OUT, {})
        stored = connection.exec_driver_sql(_WITHIN)
        assert [within_of(text) for (text,) in stored] == [(), WITHIN] * 2


def test_a_prediction_is_read_back_as_it_was(db):
    check(db)


def test_it_is_exported_and_taken_in_again(db, tmp_path):
    with open_engine(db) as engine:
        export(engine, tmp_path / "stat")
    with open_engine(tmp_path / "again.db", create=True) as engine:
        assert import_results(engine, tmp_path / "stat").added == 4
    check(tmp_path / "again.db")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("scores", "nonsense"),
        ("scores", '{"f1": 0.5}'),
        ("within", "[1, 2"),
        ("within", "[[1.5]]"),
        ("estimate", "5"),
        ("estimate", '{"epoch": 1.5}'),
        ("in_shape", '"wide"'),
        ("out_shape", "{"),
        ("left_out", "[2]"),
        ("left_out", '{"train": -1}'),
        ("left_out", '{"train": 1e999}'),
        ("left_out", '{"tr\\nain": 1}'),
        ("in_shape", "[1e999]"),
    ],
)
def test_a_text_that_cannot_be_read_is_not_taken_in(db, tmp_path, name, text):
    with open_engine(db) as engine:
        export(engine, tmp_path / "stat")
    file = next((tmp_path / "stat").glob("*/1.json"))
    records = json.loads(file.read_text())
    [at] = [at for at, record in enumerate(records) if record["lemur"]["predicted"] is not None]
    records[at]["lemur"][name] = text
    file.write_text(json.dumps(records))
    with open_engine(tmp_path / "again.db", create=True) as engine:
        report = import_results(engine, tmp_path / "stat")
    assert (report.added, len(report.faults)) == (3, 1)
    assert report.faults[0].reason == f"lemur: {name} {text!r}: is not what lemur writes"
    assert len(data(db=tmp_path / "again.db")) == 3


def test_it_is_merged(db, tmp_path):
    with open_engine(tmp_path / "other.db", create=True) as engine, open_engine(db) as other:
        merge(engine, other)
    check(tmp_path / "other.db")


def test_a_search_remembers_it(db, toys):
    with open_engine(db) as engine:
        trial, other = Writer(engine, {}).past(pipeline(toys), 9)
    assert (trial.predicted, other.predicted) == (0.75, None)
    assert trial.epochs[1].within == WITHIN


def test_an_end_that_the_database_did_not_take_keeps_it(db, toys, monkeypatch):
    with open_engine(db) as engine:
        writer = Writer(engine, {})
        trial_id = writer.begin(Trial(pipeline(toys), 3, PRM, 7, 9, uid="3" * 32))

        def away(*_):
            raise AwayError("away")

        with monkeypatch.context() as patched:
            for module in ("holding", "spill", "writer"):
                patched.setattr(f"lemur_core.store.writing.{module}.patiently", away)
            writer.record(trial_id, Epoch(1, 0.5, 0.25, 0.5, 1, within=WITHIN[:1]))
            writer.finish(trial_id, Outcome(State.CONVERGED, (), prediction=PREDICTION))
        assert json.loads(writer.unwritten_file.read_text().splitlines()[1])["end"]["predicted"]
        Writer(engine, {})
        past = Writer(engine, {}).past(pipeline(toys), 9)[-1]
    assert (past.predicted, past.state) == (0.75, State.CONVERGED)
    assert past.epochs[0].within == WITHIN[:1]
