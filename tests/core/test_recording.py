"""Trainings outside lemur are recorded as trials."""

import math
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click.testing
import pytest
from click.testing import CliRunner

import lemur_core
from lemur_core.cli import cli
from lemur_core.composition import compose
from lemur_core.errors import ArtefactError, FactError, RecordingError
from lemur_core.pattern import Pattern
from lemur_core.sources.code_text import code_text
from lemur_core.store.artefacts import artefact
from lemur_core.store.care import check
from lemur_core.store.database import open_engine
from lemur_core.store.facts import read_facts
from lemur_core.store.reading.standings import best_trial
from lemur_core.store.recording import recording
from lemur_core.store.trouble import AwayError
from lemur_core.store.writing.owner import this_process
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Epoch, Trial

NAME = "img-classification_mine_acc_MyNet"
PRM = {"lr": 0.1, "batch": 32, "act": "relu"}
CODE = "class Net:\n    pass\n"


@pytest.fixture
def db(tmp_path):
    return tmp_path / "results.db"


def rows(db, columns):
    with closing(sqlite3.connect(db)) as connection:
        return connection.execute(f"select {columns} from trial order by id").fetchall()


def test_a_training_is_recorded_as_a_trial(db):
    with recording(NAME, PRM, code=CODE, seed=7, device="tpu:0", db=db) as trial:
        assert rows(db, "uid, state") == [(trial.uid, "running")]
        trial.epoch(loss=0.75, validation=0.5, accuracy=0.25)
        trial.epoch(loss=0.5, validation=0.75, accuracy=0.5, scores={"f1": (0.25, 0.125)})
    frame = lemur_core.data(db=db, with_stats=True)
    assert [*frame["nn"]] == ["MyNet"] * 2
    assert [*frame["trial"]] == [trial.uid] * 2
    assert [*frame["epoch"]] == [1, 2]
    assert [*frame["loss"]] == [0.75, 0.5]
    assert [*frame["validation"]] == [0.5, 0.75]
    assert [*frame["accuracy"]] == [0.25, 0.5]
    assert [*frame["scores"]] == [{}, {"f1": (0.25, 0.125)}]
    assert frame["prm"][0] == PRM
    assert frame["nn_code"][0] == CODE
    assert [*frame["state"]] == ["finished"] * 2
    assert frame["seed"][0] == 7
    assert frame["device"][0] == "tpu:0"
    assert 0 < frame["duration"][0] < frame["duration"][1]
    with open_engine(db) as engine:
        assert check(engine) == []


def test_an_exception_fails_the_trial_and_propagates(db):
    def train():
        with recording(NAME, PRM, db=db) as trial:
            trial.epoch(validation=0.5, accuracy=0.5)
            trial.epoch(validation=1 / 0, accuracy=0.5)

    with pytest.raises(ZeroDivisionError):
        train()
    ((state, reason, trace),) = rows(db, "state, reason, traceback")
    assert (state, reason) == ("failed", "ZeroDivisionError: division by zero")
    assert trace.endswith("ZeroDivisionError: division by zero\n")
    assert "test_recording.py" in trace
    assert len(lemur_core.data(db=db)) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_ctrl_c_interrupts_the_trial(db, error):
    with pytest.raises(error), recording(NAME, PRM, db=db):
        raise error
    assert rows(db, "state, reason, traceback") == [("interrupted", "interrupted", "")]


def test_the_trial_of_a_dead_process_is_interrupted_when_the_next_starts(db):
    dead = recording(NAME, PRM, db=db).__enter__()
    dead.epoch(validation=0.5, accuracy=0.5)
    with recording(NAME, PRM, db=db):
        assert rows(db, "state") == [("running",), ("running",)]
    with closing(sqlite3.connect(db)) as connection, connection:
        # No process has this id.
        connection.execute(
            "update owner set process = ? || ' 99999999 1' where id in"
            " (select owner from trial where state = 'running')",
            [this_process().partition(" ")[0]],
        )
    with recording(NAME, PRM, db=db):
        pass
    assert rows(db, "state, reason") == [
        ("interrupted", "its process ended"), ("finished", ""), ("finished", "")
    ]  # fmt: skip


def test_a_campaign_does_not_use_recorded_trials(toys, db):
    (pipeline,) = compose(toys, [Pattern.parse("img-classification_blobs_hits_Linear")])
    with recording(pipeline.name, PRM, code=pipeline.net_entry.code(), epochs=1, db=db) as trial:
        trial.epoch(validation=0.5, accuracy=0.5)
    with open_engine(db) as engine:
        writer = Writer(engine, {})
        assert writer.past(pipeline, 1) == []
        assert writer.next_number(pipeline) == 1


def test_facts_and_artefacts_are_attached_to_the_trial(db, tmp_path):
    file = tmp_path / "curve.txt"
    file.write_text("curve")
    with recording(NAME, PRM, db=db) as trial:
        trial.epoch(validation=0.5, accuracy=0.5, facts={"norm": 1.5})
        trial.record({"edge.latency_ms": 3.25})
        trial.record({"depth": 4}, epoch=1)
        assert trial.attach(file, kind="plot").bytes == 5
        with pytest.raises(FactError):
            trial.record({"depth": 4}, epoch=2)
        with pytest.raises(ArtefactError):
            trial.attach(tmp_path / "gone")
    with open_engine(db) as engine, engine.connect() as connection:
        assert read_facts(connection, [1]) == {
            1: {0: {"edge.latency_ms": 3.25}, 1: {"depth": 4, "norm": 1.5}}
        }
    assert artefact(trial.uid, "curve.txt", db=db).path.read_text() == "curve"


BAD_EPOCHS = [
    ({"accuracy": 87.5}, "epoch 1: accuracy 87.5: expected a score from 0 to 1"),
    (
        {"validation": float("nan")},
        "epoch 1: validation is or contains nan; expected finite numbers",
    ),
    ({"validation": True}, "epoch 1: validation True: expected a number"),
    ({"loss": float("inf")}, "epoch 1: loss is or contains inf; expected finite numbers"),
    ({"loss": "0.5"}, "epoch 1: loss '0.5': expected a number"),
    ({"scores": {"f1": 0.5}}, "epoch 1: f1 0.5: expected the scores on validation and on test"),
    ({"seconds": -1}, "epoch 1: seconds -1: expected 0 or more"),
]


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    db = tmp_path_factory.mktemp("begun") / "results.db"
    with recording(NAME, PRM, db=db) as trial:
        yield trial


@pytest.mark.parametrize(
    ("values", "line"), BAD_EPOCHS, ids=[str(values) for values, _ in BAD_EPOCHS]
)
def test_an_invalid_epoch_is_an_error_of_one_line(begun, values, line):
    with pytest.raises(RecordingError) as raised:
        begun.epoch(**{"validation": 0.5, "accuracy": 0.5} | values)
    assert str(raised.value) == line


EXPECTED = "expected task_dataset_metric_net, as in img-classification_cifar-10_acc_MyNet"
BAD = [
    (["a_b_c", {}], {}, f"pipeline 'a_b_c': {EXPECTED}"),
    (["a__c_d", {}], {}, "dataset name '': is empty"),
    ([None, {}], {}, f"pipeline None: {EXPECTED}"),
    ([NAME, None], {}, "prm None: expected a dictionary of hyperparameters by name"),
    ([NAME, {"a": 1e999}], {}, "hyperparameter 'a': is or contains inf; expected finite numbers"),
    ([NAME, {}], {"seed": -1}, "seed -1: expected a whole number, 0 or more"),
    ([NAME, {}], {"seed": 0.5}, "seed 0.5: expected a whole number, 0 or more"),
    ([NAME, {}], {"epochs": 0}, "epochs 0: expected a whole number, 1 or more"),
    ([NAME, {}], {"code": ""}, "code '': is empty; omit it if it is unknown"),
    ([NAME, {}], {"code": "gone.py"}, "code 'gone.py': cannot be read: No such file or directory"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "options", "line"), BAD, ids=[line[:30] for _, _, line in BAD]
)
def test_invalid_arguments_are_an_error_of_one_line(db, arguments, options, line):
    with pytest.raises(RecordingError) as raised:
        recording(*arguments, **options, db=db)
    assert str(raised.value) == line
    assert not db.exists()


def test_nothing_is_recorded_outside_the_block(db):
    trial = recording(NAME, PRM, db=db)
    with pytest.raises(RecordingError) as raised:
        trial.epoch(validation=0.5, accuracy=0.5)
    begin = "has not begun; use with recording(...) as trial"
    assert str(raised.value) == f"trial {trial.uid[:8]}: {begin}"
    with trial:
        pass
    with pytest.raises(RecordingError) as raised:
        trial.epoch(validation=0.5, accuracy=0.5)
    assert str(raised.value) == f"trial {trial.uid[:8]}: is over"
    with pytest.raises(RecordingError) as raised:
        trial.__enter__()
    assert str(raised.value) == (
        f"trial {trial.uid[:8]}: has begun already; call recording() again"
    )


class Mine:
    pass


def test_code_is_given_as_text_file_or_object(tmp_path):
    file = tmp_path / "net.py"
    file.write_text(CODE)
    here = Path(__file__).read_text()
    assert code_text(CODE) == CODE
    assert code_text("Net = 1") == "Net = 1"
    assert code_text(file) == code_text(str(file)) == CODE
    assert code_text(Mine) == code_text(Mine()) == here


def test_the_code_of_a_module_includes_imported_modules_beside_it(tmp_path):
    (tmp_path / "blocks.py").write_text("WIDTH = 3\n")
    (tmp_path / "net.py").write_text("from blocks import WIDTH\n")
    text = code_text(tmp_path / "net.py")
    assert "WIDTH = 3" in text
    scope = {}
    exec(text, scope)
    assert scope["WIDTH"] == 3


def test_the_code_of_an_installed_package_is_only_the_file():
    assert code_text(CliRunner) == Path(click.testing.__file__).read_text()


def test_unavailable_code_is_an_error_of_one_line():
    made = type("Made", (), {"__module__": "nowhere"})
    with pytest.raises(RecordingError) as raised:
        code_text(made)
    assert str(raised.value) == (
        "code Made: its source is not available; pass its text or the path of its file"
    )


@pytest.fixture
def filled(db, tmp_path):
    """The id of a trial with an artefact, a collection, and facts of the trial and an epoch."""
    file = tmp_path / "1.json"
    file.write_text("[1]")
    with recording(NAME, PRM, db=db) as trial:
        trial.epoch(validation=0.5, accuracy=0.5, facts={"norm": 2**53 + 1})
        trial.record({"edge.latency_ms": 0.1})
        trial.attach(file)
    lemur_core.collect("zoo", [trial.uid], kind="zoo", db=db)
    return trial.uid


def lemur(*arguments):
    ran = CliRunner().invoke(cli, [*map(str, arguments)], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return ran.output


def check_all_there(uid, db):
    assert lemur("db", "check", "--db", db) == "sound\n"
    frame = lemur_core.data(db=db, with_facts=True, collection="zoo")
    shown = frame[["trial", "norm", "edge.latency_ms", "role", "position"]]
    assert shown.to_numpy().tolist() == [[uid, 2**53 + 1, 0.1, "member", 0]]
    assert artefact(uid, "1.json", db=db).path.read_text() == "[1]"


def test_attachments_are_merged(filled, db, tmp_path):
    other = tmp_path / "other.db"
    summary = "2 facts, 1 artefact, 1 collection and 1 member imported"
    assert lemur("db", "merge", db, "--db", other).splitlines()[-1] == summary
    check_all_there(filled, other)
    assert summary not in lemur("db", "merge", db, "--db", other)


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_attachments_are_exported_and_imported(filled, db, tmp_path, form):
    other, place = tmp_path / "other.db", tmp_path / "out"
    lemur("db", "export", place, "--db", db)
    if form == "zip":
        place = shutil.make_archive(tmp_path / "packed", "zip", tmp_path, "out")
    summary = "2 facts, 1 artefact, 1 collection and 1 member imported"
    assert lemur("db", "import", place, "--db", other).splitlines()[-1] == summary
    check_all_there(filled, other)
    assert summary not in lemur("db", "import", place, "--db", other)


def test_a_merge_reports_conflicts(filled, db, tmp_path):
    other = tmp_path / "other.db"
    lemur("db", "merge", db, "--db", other)
    lemur_core.record(filled, {"edge.latency_ms": 3}, db=other, replace=True)
    ran = CliRunner().invoke(cli, ["db", "merge", str(db), "--db", str(other)])
    assert ran.exit_code == 1
    assert ran.output.splitlines()[-1] == (
        f"fact 'edge.latency_ms' of trial {filled}: is already recorded with another value, 3"
    )


def test_a_trial_is_shown_with_its_attachments(filled, db):
    lines = lemur("show", "trial", filled, "--db", db).splitlines()
    assert "fact        edge.latency_ms = 0.1" in lines
    assert f"fact        epoch 1: norm = {2**53 + 1}" in lines
    assert f"artefact    1.json, file, 3 B, {db}-artefacts/{filled}/1.json" in lines
    assert "recorded    by another program, whose training lemur cannot repeat" in lines


def test_facts_are_saved_beside_an_unreachable_database(db, monkeypatch):
    away = AwayError("away")

    def fail(*_):
        raise away

    with recording(NAME, PRM, db=db) as trial:
        with monkeypatch.context() as patch:
            patch.setattr("lemur_core.store.writing.holding.patiently", fail)
            trial.epoch(validation=0.5, accuracy=0.5, facts={"norm": 1})
            patch.setattr("lemur_core.store.writing.writer.import_waiting", fail)
            trial.record({"latency": 2})
            trial.record({"depth": 3}, epoch=1)
        assert lemur_core.data(db=db).empty
    frame = lemur_core.data(db=db, with_facts=True)
    assert frame[["norm", "latency", "depth"]].to_numpy().tolist() == [[1, 2, 3]]
    assert not [*db.parent.glob("*unwritten*")]


def test_a_trial_of_lemur_represents_its_pipeline(toys, db):
    (pipeline,) = compose(toys, [Pattern.parse("img-classification_blobs_hits_Linear")])
    with recording(pipeline.name, PRM, db=db) as better:
        better.epoch(validation=0.9, accuracy=0.9)
    with open_engine(db) as engine, engine.begin() as connection:
        assert best_trial(connection, pipeline.name) == better.uid
        writer = Writer(engine, {})
        campaign_trial = Trial(pipeline, 1, PRM | {"transform": "plain"}, 0, 1)
        writer.record(writer.begin(campaign_trial), Epoch(1, None, 0.5, 0.5, 1))
    with open_engine(db) as engine, engine.begin() as connection:
        assert best_trial(connection, pipeline.name) == campaign_trial.uid


def test_an_epoch_of_a_campaign_is_recorded_with_its_facts(toys, db):
    (pipeline,) = compose(toys, [Pattern.parse("img-classification_blobs_hits_Linear")])
    with open_engine(db, create=True) as engine:
        writer = Writer(engine, {})
        trial_id = writer.begin(Trial(pipeline, 1, PRM | {"transform": "plain"}, 0, 1))
        epoch = Epoch(1, None, 0.5, 0.5, 1, facts={"norm": 0.1})
        writer.record(trial_id, epoch)
        writer.record(trial_id, epoch)
        writer.record_facts(trial_id, {"depth": 3})
        with pytest.raises(FactError):
            writer.record(trial_id, replace(epoch, facts={"depth": 4}))
        bad = replace(epoch, number=2, facts={"norm": math.inf})
        with pytest.raises(FactError):
            writer.record(trial_id, bad)
    frame = lemur_core.data(db=db, with_facts=True)
    assert frame[["epoch", "depth", "norm"]].to_numpy().tolist() == [[1, 3, 0.1]]
