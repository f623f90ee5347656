import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from lemur_core import data
from lemur_core.composition import compose
from lemur_core.errors import NewerDatabaseError, StoreError
from lemur_core.pattern import Pattern
from lemur_core.store import schema
from lemur_core.store.database import open_database
from lemur_core.store.identity import prm_uid
from lemur_core.store.reading.standings import standings
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Epoch, Outcome, State, Trial

LEMURS_COLUMNS = [
    "task", "dataset", "metric", "metric_code", "nn", "nn_code", "epoch", "accuracy", "duration",
    "prm", "transform_code",
]  # fmt: skip
PRM = {"lr": 0.1, "batch": 16, "transform": "plain", "bias": False, "act": "relu"}


@pytest.fixture
def db(tmp_path):
    return tmp_path / "results.db"


@pytest.fixture
def writer(db):
    engine = open_database(db)
    yield Writer(engine, {"torch": "2"})
    engine.dispose()


def pipeline(toys, net="Linear"):
    return compose(toys, [Pattern.parse(f"img-classification_blobs_hits_{net}")])[0]


def write(writer, trial, scores, state=State.FINISHED):
    """Record a trial with an epoch for each (validation, accuracy)."""
    trial_id = writer.begin(trial)
    epochs = [
        Epoch(number, 0.5, validation, accuracy, number * 10**9)
        for number, (validation, accuracy) in enumerate(scores, 1)
    ]
    for epoch in epochs:
        writer.record(trial_id, epoch)
    writer.finish(trial_id, Outcome(state, tuple(epochs)))


def test_data_returns_recorded_results(toys, writer, db):
    write(writer, Trial(pipeline(toys), 1, PRM, 7, 2), [(0.5, 0.25), (0.75, 0.5)])
    frame = data(db=db)
    assert list(frame.columns)[:11] == LEMURS_COLUMNS
    assert list(frame["epoch"]) == [1, 2]
    assert list(frame["accuracy"]) == [0.25, 0.5]
    assert list(frame["validation"]) == [0.5, 0.75]
    assert list(frame["duration"]) == [10**9, 2 * 10**9]
    assert list(frame["prm"]) == [PRM, PRM]
    assert type(frame["prm"][0]["bias"]) is bool
    assert frame["nn_code"][0] == Path(toys.get("net", "Linear").file()).read_text()
    assert isinstance(frame["nn_code"].dtype, pd.CategoricalDtype)
    assert list(frame["state"].unique()) == ["finished"]


def test_data_can_be_filtered(toys, writer, db):
    write(writer, Trial(pipeline(toys), 1, PRM, 7, 2), [(0.5, 0.25), (0.75, 0.5)])
    write(writer, Trial(pipeline(toys, "Raises"), 1, PRM, 7, 2), [(0.5, 0.75), (0.75, 0.1)])
    assert list(data(db=db, nn="Raises")["accuracy"]) == [0.75, 0.1]
    assert list(data(db=db, epoch=1)["accuracy"]) == [0.25, 0.75]
    assert list(data(db=db, max_rows=3)["accuracy"]) == [0.25, 0.5, 0.75]
    assert data(db=db, task="txt-generation").empty
    assert list(data(db=db, task="txt-generation").columns)[:11] == LEMURS_COLUMNS


def test_the_best_accuracy_of_each_pipeline_and_epoch_is_one_row(toys, writer, db):
    for number, accuracy in enumerate((0.25, 0.75, 0.5), 1):
        write(writer, Trial(pipeline(toys), number, PRM, 7, 2), [(0, accuracy), (0, 1 - accuracy)])
    frame = data(only_best_accuracy=True, db=db)
    assert sorted(zip(frame["epoch"], frame["accuracy"], strict=True)) == [(1, 0.75), (2, 0.75)]


def test_a_row_has_a_prm_of_its_own(toys, writer, db):
    write(writer, Trial(pipeline(toys), 1, PRM, 7, 2), [(0.5, 0.25), (0.75, 0.5)])
    frame = data(db=db)
    frame["prm"][0]["lr"] = 99
    assert frame["prm"][1]["lr"] == 0.1


def test_an_old_row_keeps_the_code_that_produced_it(toys, writer, db, tmp_path):
    from lemur_core.entry import entry_of_file

    file = tmp_path / "Net.py"
    registry = toys.with_entries("file", "net", [entry_of_file(file)])
    for number, code in enumerate(("# first\n", "# second\n", "# first\n"), 1):
        file.write_text(code)
        write(writer, Trial(pipeline(registry, "Net"), number, PRM, 7, 1), [(0, 0)])
    assert list(data(db=db)["nn_code"]) == ["# first\n", "# second\n", "# first\n"]


def test_the_uid_of_a_prm_depends_only_on_its_canonical_json():
    assert prm_uid({"a": 1, "b": 0.5}) == prm_uid({"b": 0.5, "a": 1})
    assert prm_uid({"a": 1}) != prm_uid({"a": 1.5})
    assert prm_uid({"a": True}) != prm_uid({"a": 1})
    # printf '{"a":1,"b":"ä"}' | sha256sum
    assert prm_uid({"b": "ä", "a": 1}) == "f5300ffcfd6fd3fc2de46d700be90d43"


def test_equal_prms_are_stored_once(toys, writer, db):
    for number in (1, 2):
        write(writer, Trial(pipeline(toys), number, PRM, 7, 1), [(0, 0)])
    rows = sqlite3.connect(db).execute("select count(*) from prm").fetchone()
    assert rows == (len(PRM),)


def test_past_trials_have_the_same_epochs_and_code(toys, writer):
    toy_pipeline = pipeline(toys)
    write(writer, Trial(toy_pipeline, 1, PRM, 7, 2), [(0.5, 0), (0.75, 0)])
    write(writer, Trial(toy_pipeline, 2, PRM, 7, 2), [(0.25, 0)], State.PRUNED)
    write(writer, Trial(toy_pipeline, 3, PRM, 7, 2), [(0.25, 0)], State.FAILED)
    write(writer, Trial(toy_pipeline, 4, PRM, 7, 5), [(0.25, 0)] * 5)
    write(writer, Trial(pipeline(toys, "Raises"), 1, PRM, 7, 2), [(0.25, 0)] * 2)
    past = writer.past(toy_pipeline, 2)
    summaries = [
        (
            toy_pipeline.number,
            toy_pipeline.state,
            [epoch.validation for epoch in toy_pipeline.epochs],
        )
        for toy_pipeline in past
    ]
    assert summaries == [
        (1, State.FINISHED, [0.5, 0.75]),
        (2, State.PRUNED, [0.25]),
        (3, State.FAILED, [0.25]),
    ]
    assert past[0].prm == PRM
    assert writer.next_number(toy_pipeline) == 5


def test_only_changed_past_trials_are_read_again(toys, writer):
    toy_pipeline = pipeline(toys)
    for number in (1, 2, 3):
        write(
            writer, Trial(toy_pipeline, number, PRM | {"lr": number}, 7, 2), [(0.5, 0), (0.75, 0)]
        )
    running = writer.begin(Trial(toy_pipeline, 4, PRM, 7, 2))
    cached = {trial.id: trial for trial in writer.past(toy_pipeline, 2)}
    assert writer.past(toy_pipeline, 2, cached) == writer.past(toy_pipeline, 2)
    assert all(updated is cached[updated.id] for updated in writer.past(toy_pipeline, 2, cached))
    writer.finish(running, Outcome(State.FAILED, (), "no luck"))
    write(writer, Trial(toy_pipeline, 5, PRM, 7, 2), [(0.25, 0)])
    updated = writer.past(toy_pipeline, 2, cached)
    assert updated == writer.past(toy_pipeline, 2)
    assert [trial is cached.get(trial.id) for trial in updated] == [True, True, True, False, False]


def test_the_leaderboard_is_chosen_and_ranked_by_validation(toys, writer):
    write(writer, Trial(pipeline(toys), 1, PRM, 7, 2), [(0.5, 0.9), (0.8, 0.6)])
    write(writer, Trial(pipeline(toys, "Raises"), 1, PRM, 7, 2), [(0.7, 0.7)])
    best = standings(writer.engine, [pipeline(toys).name, pipeline(toys, "Raises").name])
    assert [(standing.accuracy, standing.validation, standing.epoch) for standing in best] == [
        (0.6, 0.8, 2),
        (0.7, 0.7, 1),
    ]
    assert best[0].prm == PRM


def test_the_last_of_epochs_with_equal_validation_counts(toys, writer):
    write(writer, Trial(pipeline(toys), 1, PRM, 7, 3), [(0.8, 0.9), (0.8, 0.6), (0.5, 0.7)])
    write(writer, Trial(pipeline(toys), 2, PRM, 7, 3), [(0.8, 0.95)])
    [best] = standings(writer.engine, [pipeline(toys).name])
    assert (best.trial, best.epoch, best.accuracy) == (1, 2, 0.6)
    scores = [Epoch(number, None, 0.8, 0.1 * number, 0) for number in (1, 2)]
    assert Outcome(State.FINISHED, tuple(scores)).best.number == 2


def test_the_reason_and_traceback_of_a_failed_trial_are_recorded(toys, writer, db):
    trial_id = writer.begin(Trial(pipeline(toys), 1, PRM, 7, 2))
    writer.finish(trial_id, Outcome(State.FAILED, (), "no luck", "Traceback ..."))
    row = sqlite3.connect(db).execute("select state, reason, traceback, seed from trial").fetchone()
    assert row == ("failed", "no luck", "Traceback ...", 7)


def of(path):
    return f"database {path}: "


def test_a_database_of_a_newer_lemur_is_refused_and_left_alone(db):
    open_database(db).dispose()
    with sqlite3.connect(db) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    before = db.read_bytes()
    with pytest.raises(NewerDatabaseError) as caught:
        open_database(db)
    assert str(caught.value) == (
        f"database {db}: was written by a newer lemur (schema 9999; this one knows "
        f"{schema.REVISION}); upgrade lemur-core, or name another --db"
    )
    assert db.read_bytes() == before


def test_a_directory_instead_of_a_file_is_an_error(tmp_path):
    with pytest.raises(StoreError) as caught:
        open_database(tmp_path)
    assert str(caught.value) == (
        f"{of(tmp_path)}is a directory; expected a file, for example {tmp_path}/lemur.db"
    )


def test_a_missing_directory_is_an_error(tmp_path):
    with pytest.raises(StoreError) as caught:
        open_database(tmp_path / "a" / "b.db")
    assert str(caught.value) == f"{of(tmp_path / 'a/b.db')}there is no directory {tmp_path / 'a'}"


def test_a_missing_database_is_an_error_and_not_created(db):
    with pytest.raises(StoreError) as caught:
        data(db=db)
    assert str(caught.value) == f"{of(db)}there is no such file; lemur run writes one"
    assert not db.exists()


def test_a_file_that_is_not_a_database_is_an_error_and_unchanged(db):
    db.write_text("dear diary, " * 100)
    with pytest.raises(StoreError) as caught:
        open_database(db)
    assert str(caught.value) == f"{of(db)}file is not a database"
    assert db.read_text().startswith("dear diary")


def test_a_database_of_another_program_is_unchanged(db):
    with sqlite3.connect(db) as connection:
        connection.execute("create table songs (name text)")
    with pytest.raises(StoreError, match="holds tables, but none of lemur's$"):
        open_database(db)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("://", "database '://': expected a file, or a URL such as sqlite:///lemur.db"),
        (
            "what://me:secret@there/results",
            "database what://me:***@there/results: expected a URL that begins with sqlite:/// or "
            "postgresql://; put ./ before the path of a file",
        ),
        (
            "postgresql://me:secret@there:port/results",
            "database 'postgresql://me:***@there:port/results': expected a file, or a URL such as "
            "sqlite:///lemur.db",
        ),
        (
            "sqlite:///exp?seed=1.db",
            "database 'sqlite:///exp?seed=1.db': SQLite has no option 'seed'; if the ? is part of "
            "the file's name, give its path without sqlite:///",
        ),
        (
            "sqlite://some.db",
            "database sqlite://some.db: expected sqlite:/// and a path, or the path alone",
        ),
        (
            "nowhere/",
            "database nowhere/: is a directory; expected a file, for example nowhere/lemur.db",
        ),
        ("", "database '': expected the path of a file, or a URL"),
        (
            ":memory:",
            "database ':memory:': would be lost when the command ends; expected a file, "
            "./:memory: for one of this name",
        ),
    ],
)
def test_an_invalid_url_is_shown_without_its_password(url, message):
    with pytest.raises(StoreError) as caught:
        open_database(url)
    assert str(caught.value) == message


def test_a_read_only_database_is_an_error_and_nothing_is_lost(toys, writer, db):
    write(writer, Trial(pipeline(toys), 1, PRM, 7, 1), [(0.5, 0.25)])
    engine = open_database(f"sqlite:///file:{db}?mode=ro&uri=true")
    with pytest.raises(StoreError, match="readonly database; make it writable, or name another"):
        Writer(engine, {}).begin(Trial(pipeline(toys), 2, PRM, 7, 1))
    engine.dispose()
    assert list(data(db=db)["accuracy"]) == [0.25]


def test_a_full_disk_is_an_error_and_nothing_is_lost(toys, writer, db):
    write(writer, Trial(pipeline(toys), 1, PRM, 7, 1), [(0.5, 0.25)])
    with writer.engine.connect() as connection:
        # The page limit of SQLite raises the same error as a full disk.
        pages = connection.exec_driver_sql("pragma page_count").scalar()
        connection.exec_driver_sql(f"pragma max_page_count = {pages}")
        connection.commit()
    hasty = Writer(writer.engine, {"torch": "x" * 100_000}, patience_s=0)
    with pytest.raises(StoreError) as caught:
        hasty.begin(Trial(pipeline(toys), 2, PRM, 7, 1))
    assert str(caught.value) == (
        f"{of(db)}database or disk is full; make room: what is recorded so far is safe"
    )
    assert list(data(db=db)["accuracy"]) == [0.25]


def test_many_processes_may_create_a_database_at_once(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    for attempt in range(10):
        db = tmp_path / f"{attempt}.db"
        with ThreadPoolExecutor(8) as pool:
            for engine in pool.map(lambda _, db=db: open_database(db), range(8)):
                engine.dispose()
        with sqlite3.connect(db) as connection:
            assert connection.execute("select count(*) from alembic_version").fetchone() == (1,)
