"""Results on a server work like results in a file."""

import json
import math
import re
from pathlib import Path

import pytest
from sqlalchemy import inspect

from lemur_check.corpus import corpus
from lemur_check.likeness import Likeness, read_likeness, read_sketches, write_sketches
from lemur_check.sketch import sketch_of
from lemur_check.verdicts import CheckedNet, find_verdicts, read_checked, write_verdict
from lemur_check.verdicts import CheckedPipeline as Checked
from lemur_core import Results, data
from lemur_core.code_facts import CodeDatabase, CodeFact
from lemur_core.composition import compose
from lemur_core.errors import FactError, StoreError
from lemur_core.pattern import Pattern
from lemur_core.registry import installed
from lemur_core.store import schema
from lemur_core.store.artefacts import artefact
from lemur_core.store.care import backup, check, info, vacuum
from lemur_core.store.collections import collect, collection
from lemur_core.store.database import open_engine
from lemur_core.store.export import export
from lemur_core.store.facts import read_facts, record
from lemur_core.store.identity import code_hash
from lemur_core.store.importing.importers import files
from lemur_core.store.importing.intake import ImportReport
from lemur_core.store.importing.merge import merge
from lemur_core.store.importing.published import import_results
from lemur_core.store.reading.reader import best, without_epochs
from lemur_core.store.reading.standings import standings
from lemur_core.store.recording import recording
from lemur_core.store.upgrade import upgrade
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Epoch, Outcome, State, Trial

PIPELINE = "img-classification_cifar-10_acc_ResNet"
RECORDS = [
    {"accuracy": 0.75, "batch": 16, "duration": 10**12, "lr": 0.0061668171693620745,
     "patch_size": 8.0, "transform": "norm_64", "uid": "a"},
    {"accuracy": 0.5, "batch": 32, "lr": 1e-05, "train_loss": 0.5,
     "transform": "nul \0 half \ud83d", "uid": "b"},
]  # fmt: skip
OLD = Path(__file__).parents[1] / "core" / "schemas" / "0002.sql"


@pytest.fixture
def published(tmp_path):
    file = tmp_path / "stat" / PIPELINE / "1.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(RECORDS, indent=4))
    return tmp_path / "stat"


def taken(database, place):
    with open_engine(database, create=True) as engine:
        return import_results(engine, place)


def test_what_was_published_is_taken_in_once_and_given_back(database, published, tmp_path):
    assert taken(database, published) == ImportReport(read=2, added=2)
    assert taken(database, published) == ImportReport(read=2, added=0)
    with open_engine(database) as engine:
        assert export(engine, tmp_path / "back") == (2, [])
        assert check(engine) == []
    back = (tmp_path / "back" / PIPELINE / "1.json").read_text()
    assert back == (published / PIPELINE / "1.json").read_text()


@pytest.mark.parametrize(
    ("where", "accuracies"),
    [
        ({"lr": (1e-3, None)}, [0.75]),
        ({"lr": 1e-05}, [0.5]),
        ({"batch": [16, 32.0]}, [0.5, 0.75]),
        ({"patch_size": 8}, [0.75]),
        ({"transform": (0, 1)}, []),
        ({"transform": "norm_64"}, [0.75]),
        ({"accuracy": (0.6, 1)}, [0.75]),
        ({"state": "imported", "loss": 0.5}, [0.5]),
    ],
)
def test_rows_are_chosen_alike(database, published, where, accuracies):
    taken(database, published)
    assert sorted(data(db=database, where=where)["accuracy"]) == accuracies


def test_rows_have_what_they_have_in_a_file(database, published, tmp_path):
    taken(database, published)
    taken(tmp_path / "results.db", published)
    for options in ({}, {"with_curves": True}, {"prm_as_columns": True}, {"unique_nn": True}):
        there, here = (data(db=db, **options) for db in (database, tmp_path / "results.db"))
        assert there.drop(columns="merged.from", errors="ignore").equals(here)
        assert list(there.dtypes) == list(here.dtypes)
    assert list(best(db=database)["accuracy"]) == [0.75]


def test_it_is_merged_from_a_file_and_into_one(database, published, tmp_path):
    taken(tmp_path / "one.db", published)
    for source, target in ((tmp_path / "one.db", database), (database, tmp_path / "two.db")):
        with open_engine(source) as other, open_engine(target, create=True) as engine:
            assert merge(engine, other).epochs == 2
            assert merge(engine, other).epochs == 0
    assert data(db=tmp_path / "two.db").equals(data(db=tmp_path / "one.db"))


def test_it_is_looked_after(database, published, tmp_path):
    taken(database, published)
    with open_engine(database) as engine:
        summary = info(engine)
        assert (summary.rows["stat"], summary.states) == (2, {"imported": 2})
        assert summary.size > 0
        vacuum(engine)
        with pytest.raises(StoreError, match="is on a server; copy it with pg_dump"):
            backup(engine, tmp_path / "copy")


def test_what_an_older_lemur_wrote_is_brought_up_to_date(database):
    import psycopg

    with psycopg.connect(database, autocommit=True) as connection:
        statements = [statement.strip() for statement in OLD.read_text().split(";\n")]
        # Tables that a table refers to come before it.
        for statement in sorted(statements, key=lambda text: text.split("(")[0].count("stat")):
            if statement not in ("BEGIN TRANSACTION", "COMMIT", ""):
                # On the server, JSON is text.
                as_text = re.sub(r"""("prm" VALUES.*,)([0-9.]+)\)""", r"\1'\2')", statement)
                connection.execute(as_text)
    with pytest.raises(StoreError, match="lemur db upgrade"):
        data(db=database)
    done = upgrade(database)
    assert (done.before, done.copy) == ("0002", None)
    frame = data(db=database)
    assert list(frame["accuracy"]) == [0.25, 0.25, 0.5, 0.5]
    assert [prm["lr"] for prm in frame["prm"]] == [0.1, 0.1, 0.2, 0.2]
    with open_engine(database) as engine:
        assert check(engine) == []
        columns = {each["name"]: each for each in inspect(engine).get_columns("stat")}
    assert set(columns) == set(schema.stat.c.keys())
    assert columns["validation"]["nullable"]


_BEFORE_CODE_FACTS = """
drop table code_fact;
alter table trial drop column "user";
alter table stat drop column validation_loss;
create table sketch (hash varchar(64) primary key, tree varchar(64) not null,
    signature bytea not null);
create table verdict (asked varchar(32), name text not null, nn_id integer references nn (id),
    task text not null, dataset text not null, metric text not null, valid boolean not null,
    facts text not null, checked text, primary key (asked, checked));
create index ix_verdict_name on verdict (name);
update alembic_version set version_num = '0010';
"""


def test_an_upgrade_on_a_server_makes_facts_of_verdicts_and_sketches(database):
    import psycopg

    code, facts = "x = 1\n", {"name": "Mine", "valid": True, "reason": "nul \0 half \ud83d"}
    sketch = sketch_of(code)
    with open_engine(database, create=True) as engine:
        CodeDatabase(engine).run(lambda transaction: transaction.add("Mine", code))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(_BEFORE_CODE_FACTS)
        row = ("asked", "Mine", 1, "t", "d", "m", True, json.dumps(facts), "1")
        connection.execute("insert into verdict values (%s,%s,%s,%s,%s,%s,%s,%s,%s)", row)
        connection.execute(
            "insert into sketch values (%s, %s, %s)",
            (code_hash(code), sketch.tree, sketch.signature.astype("<u4").tobytes()),
        )
    assert upgrade(database).before == "0010"
    with open_engine(database) as engine:
        assert check(engine) == []
        nets = CodeDatabase(engine)
        assert nets.run(lambda transaction: find_verdicts(transaction, code, "asked")) == [facts]
        [(identity, kept)] = nets.run(read_sketches).items()
        assert (identity, kept.tree, kept.similarity(sketch)) == (code_hash(code), sketch.tree, 1)
        assert {"sketch", "verdict"}.isdisjoint(inspect(engine).get_table_names())


def test_verdicts_sketches_and_code_are_kept_on_a_server(database, tmp_path):
    code = "class Net:\n    half = '\ud83d'\n".encode("utf-8", "backslashreplace").decode()
    facts = {"name": "Mine", "valid": True, "reason": "nul \0"}
    sketch = sketch_of(code)

    def write(transaction):
        write_verdict(transaction, "asked", code, Checked("t", "d", "m"), facts, "1")
        write_sketches(transaction, {code_hash(code): sketch})

    with open_engine(database, create=True) as engine:
        nets = CodeDatabase(engine)
        for _ in range(2):
            nets.run(write)
        assert nets.run(lambda transaction: find_verdicts(transaction, code, "asked")) == [facts]
        assert nets.run(lambda transaction: read_checked(transaction, ["Mine"])) == {
            "Mine": (CheckedNet(code_hash(code), "t", code, ("",)),)
        }
        likeness = Likeness()
        nets.run(lambda transaction: read_likeness(transaction, likeness))
        assert likeness.nearest(sketch) == ("Mine", 1.0)
        assert corpus(Results(engine)).lines == []
        with open_engine(tmp_path / "file.db", create=True) as other:
            assert merge(other, engine).code_facts == 2
            assert merge(engine, other).code_facts == 0


def test_facts_about_code_are_imported_and_replaced_on_a_server(database, tmp_path):
    facts = [CodeFact(code_hash("x = 1"), "mine", value) for value in (1, 2)]
    with open_engine(tmp_path / "file.db", create=True) as other:
        CodeDatabase(other).run(lambda transaction: transaction.record(facts))
        export(other, tmp_path / "exported")
    with open_engine(database, create=True) as engine:
        nets = CodeDatabase(engine)
        for added in (1, 0):
            taken = import_results(engine, tmp_path / "exported", files.read, "lemur-files")
            assert (taken.code_facts, taken.faults) == (added, [])
        [theirs] = nets.run(lambda transaction: transaction.facts("mine"))
        assert theirs == facts[0]._replace(origin=str(tmp_path / "exported"))
        # The second import replaces imported facts, but not facts recorded here.
        for number, added in ((1, 1), (0, 0)):
            again = [facts[number]] * 2
            assert nets.run(lambda transaction: transaction.record(again)) == added  # noqa: B023
        assert nets.run(lambda transaction: transaction.facts("mine")) == [facts[1]]


def test_the_best_are_chosen_by_validation_and_every_plain_column_filters(database):
    [pipeline] = compose(
        installed(), [Pattern.parse("img-classification_digits_acc_SqueezeNet-1")], ["norm_32"]
    )
    scores = [[(0.9, 0.1), (0.9, 0.2)], [(0.2, 0.99)], [(math.nan, 0.8)]]
    with open_engine(database, create=True) as engine:
        writer = Writer(engine, {})
        for number, epochs in enumerate(scores, 1):
            prm = {"lr": 0.1, "batch": 16, "transform": "norm_32"}
            trial = Trial(pipeline, number, prm, 7, 2, uid=str(number) * 32)
            trial_id = writer.begin(trial)
            for epoch, (validation, accuracy) in enumerate(epochs, 1):
                writer.record(trial_id, Epoch(epoch, None, validation, accuracy, 10**9))
            writer.finish(trial_id, Outcome(State.FINISHED, ()))
        [standing] = standings(engine, [pipeline.name])
        lines = corpus(Results(engine)).lines
    rows = best(db=database).iloc[0], data(only_best=True, unique_nn=True, db=database).iloc[0]
    assert [(row["trial"], row["epoch"]) for row in rows] == [("1" * 32, 2)] * 2
    assert (standing.trial, standing.epoch) == (1, 2)
    assert [(line["trial"], line["epochs"]) for line in lines] == [("1" * 32, 2)]
    assert data(only_best_accuracy=True, unique_nn=True, db=database)["trial"][0] == "2" * 32
    for where, rows in (
        ({"epoch": 2}, 1), ({"number": [1, 2]}, 3), ({"state": "finished"}, 4), ({"trial": "1"}, 2),
        ({"device": ["cpu"]}, 4), ({"started": ("2000", None)}, 4), ({"epochs": (1, 2)}, 4),
        ({"prm.batch": 16}, 4), ({"predicted": (0, 1)}, 0), ({"parameters": 5}, 0),
    ):  # fmt: skip
        assert len(data(where=where, db=database)) == rows, where
    assert without_epochs(where={"state": "finished"}, db=database) == []


def test_what_is_attached_to_trials_goes_there_and_back(database, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    facts = {
        "tenth": 0.1,
        "zero": -0.0,
        "large": 2**70,
        "text": "nul \0 half \ud83d",
        "l": [1, 1.0],
    }
    with recording(PIPELINE, {"lr": 0.1}, db="one.db") as trial:
        trial.epoch(validation=0.5, accuracy=0.5, facts={"norm": 1.5})
        trial.record(facts)
        trial.attach(__file__, "test.py")
    collect("zoo", {"x": trial.uid, "y": trial.uid}, spec={"a": "half \ud83d"}, db="one.db")
    with open_engine(database, create=True) as engine, open_engine("one.db") as other:
        first = merge(engine, other)
        assert (first.trials, first.epochs) == (1, 1)
        done = first.attached
        assert (done.facts, done.artefacts, done.members, done.faults) == (6, 1, 2, [])
        second = merge(engine, other)
        assert (second.trials, second.epochs) == (0, 0)
        again = second.attached
        assert (again.facts, again.artefacts, again.members, again.faults) == (0, 0, 0, [])
        assert check(engine) == []
    assert artefact(trial.uid, "test.py", db=database).path.parts[0] == "lemur-artefacts"
    assert collection("zoo", db=database) == collection("zoo", db="one.db")
    assert collect("zoo", {"x": trial.uid}, db=database) == collection("zoo", db="one.db")
    record(trial.uid, facts, db=database)
    with pytest.raises(FactError, match="'large' of the trial is recorded already"):
        record(trial.uid, {"large": 3}, db=database)
    with open_engine(database) as engine, engine.connect() as connection:
        (stored,) = read_facts(connection, [1]).values()
    facts["merged.from"] = "one.db"
    assert repr(stored) == repr({0: dict(sorted(facts.items())), 1: {"norm": 1.5}})
    for options in ({"with_facts": True}, {"collection": "zoo"}, {"where": {"fact.norm": 1.5}}):
        there, here = (data(db=db, **options) for db in (database, "one.db"))
        assert there.drop(columns="merged.from", errors="ignore").equals(here)
        assert len(here) == (2 if "collection" in options else 1)
