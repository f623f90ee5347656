"""Many processes write to one database at once: nothing is lost or duplicated."""

import json
import sqlite3
from contextlib import closing

import pytest

from lemur_core import data
from lemur_core.entry import Entry
from lemur_core.pipeline import Pipeline
from lemur_core.store.database import open_database
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Trial


@pytest.mark.parametrize(("writers", "trials", "epochs"), [(2, 40, 20), (16, 10, 10)])
def test_all_that_many_processes_write_to_a_file_is_there_once(
    tmp_path, crowd, writers, trials, epochs
):
    db = tmp_path / "lemur.db"
    with crowd(writers, db, trials, epochs):
        pass
    with closing(sqlite3.connect(db)) as connection:

        def all_of(query):
            return connection.execute(query).fetchall()

        assert all_of("pragma integrity_check") == [("ok",)]
        assert all_of("pragma foreign_key_check") == []
        assert all_of("select number from trial order by number") == [
            (number,) for number in range(1, writers * trials + 1)
        ]
        assert all_of("select distinct state from trial") == [("finished",)]
        assert all_of("select distinct count(*) from stat group by trial_id") == [(epochs,)]
        assert all_of("select count(*) from stat") == [(writers * trials * epochs,)]
        assert all_of("select count(*) from nn") == [(trials,)]
        assert all_of("select count(*) from loader") == [(1,)]
        assert all_of("select count(*) from prm") == [(3 * trials,)]
        assert len(all_of("select distinct owner from trial")) == writers
    assert len(data(db=db)) == writers * trials * epochs
    assert list(tmp_path.glob("*unwritten*")) == []


def test_what_waits_is_taken_in_once_by_many_that_start_at_once(tmp_path, crowd):
    db, entry = tmp_path / "lemur.db", Entry("any", __file__)
    pipeline = Pipeline("task", "data", "score", "Net", entry, entry, entry, {"plain": entry})
    engine = open_database(db)
    writer, trial = Writer(engine, {}), Trial(pipeline, 1, {"transform": "plain"}, 1, 500)
    writer.begin(trial)
    engine.dispose()
    row = {"accuracy": 0.5, "validation": 0.5, "loss": None, "duration": 1}
    lines = [
        json.dumps({"trial": trial.uid, "owner": writer.owner, "epoch": row | {"epoch": number}})
        for number in range(1, 501)
    ]
    writer.unwritten_file.write_text("\n".join(lines))
    with crowd(4, db, 0, 0):
        pass
    assert list(data(db=db)["epoch"]) == list(range(1, 501))
    assert list(tmp_path.glob("*unwritten*")) == []
