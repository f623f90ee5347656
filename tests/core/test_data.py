"""Trials on one content of a dataset are not results of another content."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from lemur_core import Entry, data, registry
from lemur_core.campaign.campaign import Campaign
from lemur_core.campaign.plan import plan
from lemur_core.events import EpochEnded, TrialStarted, Warned
from lemur_core.settings import Settings
from lemur_core.store.care import check
from lemur_core.store.database import open_engine
from lemur_core.store.export import export
from lemur_core.store.importing.merge import merge
from lemur_core.store.importing.published import import_results
from lemur_core.store.reading.reader import best
from lemur_core.trial import State

from .test_fingerprint import write_tree

TREE = "img-classification_tree_hits_Linear"
BLOBS = "img-classification_blobs_hits_Linear"


@pytest.fixture
def run(toys, monkeypatch, tmp_path):
    """Train a toy net on the data in a folder, recorded in lemur.db; return summary and events."""
    loader = Entry("tree", "lemur_toy.files:tree", ("img-classification",), options=("names",))
    extended = toys.with_entries("toy-files", "loader", [loader])

    def call(folder, pattern=TREE, watch=None, **settings):
        defaults = {"trials": 1, "epochs": 1, "in_process": True, "threads": 1}
        defaults |= {"data": str(folder), "db": str(tmp_path / "lemur.db")}
        settings = Settings.of({"patterns": [pattern], **defaults, **settings})
        events = []

        def watched(event):
            events.append(event)
            if watch:
                watch(event)

        return Campaign(settings, plan(settings, extended), extended, watched).run(), events

    with monkeypatch.context() as patched:
        patched.setattr(registry, "installed", lambda: extended)
        yield call


@pytest.fixture
def pets(tmp_path):
    return write_tree(tmp_path / "pets")


@pytest.fixture
def others(tmp_path):
    return write_tree(tmp_path / "others", seed=1)


@pytest.fixture
def db(tmp_path):
    return tmp_path / "lemur.db"


def warned(events):
    return [event.message for event in events if isinstance(event, Warned)]


def labels(db):
    return data(db=db)["data"].tolist()


def test_another_folder_of_the_same_name_has_its_own_trials(run, pets, others, db):
    run(pets)
    summary, events = run(others)
    assert summary.states == {State.FINISHED: 1}
    frame = data(db=db, with_stats=True)
    assert frame["number"].tolist() == [1, 2]
    first, second = frame["data"]
    assert (first.partition("@")[0], second.partition("@")[0]) == ("pets", "others")
    assert [text[:8] for text in frame["fingerprint"]] == [first[-8:], second[-8:]]
    assert warned(events) == [
        f"dataset 'tree' is {second}; 1 trial of this database was trained on other data "
        f"(1 on {first}) and is not counted"
    ]
    for name in ("data", "fingerprint"):
        for trial, value in zip(frame["trial"], frame[name], strict=True):
            assert data(db=db, where={name: value})["trial"].tolist() == [trial]
    # The leaderboard of a campaign has only its own results.
    [standing] = summary.standings
    assert standing.trial == 2


def test_the_best_trial_of_each_content_has_its_own_row(run, pets, others, db, lemur):
    run(pets, trials=2)
    run(others, trials=2)
    frame = data(db=db)
    for rows, by in ((best(db=db), "validation"), (data(True, db=db), "accuracy")):
        assert len(rows) == 2
        for label, score in frame.groupby("data")[by].max().items():
            assert rows.set_index("data")[by][label] == score
    assert len(data(unique_nn=True, db=db)) == 1
    _, out, _ = lemur("best")
    assert out.splitlines()[1].split()[:3] == ["net", "data", "trial"]
    assert all(label in out for label in frame["data"])


def test_a_single_content_causes_no_warning(run, pets, lemur):
    _, events = run(pets)
    assert not warned(events)
    _, out, _ = lemur("best")
    assert "data" not in out


def test_a_copy_elsewhere_continues_the_study(run, pets, tmp_path, db):
    run(pets)
    copy = shutil.copytree(pets, tmp_path / "copy")
    summary, events = run(copy, trials=2)
    assert summary.states == {State.FINISHED: 1}
    assert not warned(events)
    assert len(set(labels(db))) == 1


def test_changed_files_are_another_study(run, pets, db):
    run(pets)
    (pets / "train/cat/0.bin").write_bytes(bytes(16))
    summary, events = run(pets)
    assert summary.states == {State.FINISHED: 1}
    assert len(set(labels(db))) == 2
    assert len(warned(events)) == 1


def test_a_restriction_has_the_content_of_the_whole(run, pets, db):
    run(pets)
    run(pets, TREE.replace("tree", "tree[samples=4]"))
    assert len(set(labels(db))) == 1


def test_an_unfinished_trial_resumes_only_on_its_own_data(run, pets, others, db):
    def interrupt(event):
        if isinstance(event, EpochEnded):
            raise KeyboardInterrupt

    run(pets, epochs=3, watch=interrupt)
    began = []

    def watch(event):
        if isinstance(event, TrialStarted):
            began.append((event.trial.number, len(event.trial.done)))

    run(others, epochs=3, watch=watch)
    run(pets, epochs=3, watch=watch)
    assert began == [(2, 0), (1, 1)]
    assert data(db=db, with_stats=True)["number"].tolist() == [1, 1, 1, 2, 2, 2]


def forget_data(db):
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("update trial set dataset_id = null")
        connection.execute("delete from dataset")


def test_older_trials_on_files_count_once_they_are_adopted(run, pets, others, db):
    run(pets)
    forget_data(db)
    summary, events = run(others)
    assert summary.states == {State.FINISHED: 1}
    [line] = warned(events)
    assert line.endswith(
        "1 trial of this database was trained on other data (1 on unknown data) and is not "
        "counted; if the unknown data is the same as the current data, use --adopt"
    )
    assert best(db=db)["data"].isna().tolist().count(True) == 1
    summary, events = run(pets, adopt=True)
    assert not summary.states
    assert warned(events)[0] == (f"dataset 'tree': 1 trial recorded as trained on {labels(db)[0]}")
    assert labels(db)[0].startswith("pets@")


def test_older_trials_on_samples_in_memory_count(run, pets, db):
    run(pets, BLOBS)
    forget_data(db)
    summary, events = run(pets, BLOBS)
    assert not summary.states
    [line] = warned(events)
    assert line.startswith(
        "dataset 'blobs': 1 trial of this database does not state the data used for training, "
        "and counts as trained on pets@"
    )
    [standing] = summary.standings
    assert standing.trial == 1
    run(pets, BLOBS, adopt=True)
    assert not warned(run(pets, BLOBS)[1])


def test_older_trials_do_not_count_where_other_content_is_known(run, pets, db):
    run(pets, BLOBS, trials=2)
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("update trial set dataset_id = null where number = 1")
        connection.execute("update dataset set fingerprint = ?", ("0" * 32,))
    summary, events = run(pets, BLOBS, trials=2)
    assert summary.states == {State.FINISHED: 2}
    [line] = warned(events)
    assert "(1 on pets@00000000, 1 on unknown data) and are not counted" in line


@pytest.mark.parametrize("touched", [False, True])
def test_data_that_changes_while_it_is_trained_on_fails_the_trial(run, pets, touched, db):
    file = pets / "train/cat/0.bin"
    content = file.read_bytes() if touched else bytes(16)

    def change(event):
        if isinstance(event, EpochEnded):
            file.write_bytes(content)

    summary, events = run(pets, trials=2, watch=change)
    if touched:
        assert summary.states == {State.FINISHED: 2}
        return
    assert summary.states == {State.FAILED: 1}
    assert set(data(db=db, with_stats=True)["reason"]) == {
        "dataset 'tree' changed while the campaign ran"
    }
    # It may have been trained on either content.
    assert data(db=db)["data"].isna().all()
    [line] = warned(events)
    assert line == f"{TREE} is set aside: dataset 'tree' changed while the campaign ran"


def test_reproduce_reports_that_the_data_differs(run, pets, others, db, lemur):
    run(pets)
    [uid], [label] = data(db=db)["trial"], labels(db)
    status, out, _ = lemur("reproduce", uid, "--data", pets)
    assert (status, out.splitlines()[-1]) == (0, "the same")
    (others / "train/cat/0.bin").unlink()
    status, out, _ = lemur("reproduce", uid, "--data", others)
    first, last = out.splitlines()
    assert (status, last) == (1, "not the same")
    start = f"trial {uid[:8]} was trained on another dataset 'tree': recorded {label} "
    assert first.startswith(f"{start}(train 6, test 4, files 10), here others@")
    assert first.endswith(
        "(train 5, test 4, files 9); they differ in train, files; name its folder with --data"
    )


def test_reproduce_reports_that_the_data_was_not_recorded(run, pets, db, lemur):
    run(pets)
    forget_data(db)
    status, out, _ = lemur("reproduce", data(db=db)["trial"][0], "--data", pets)
    assert status == 0
    assert "the data used for training was not recorded" in out.splitlines()


def test_pictures_are_drawn_of_the_data_that_was_trained_on(run, pets, others, db, lemur):
    run(pets, keep_weights=True)
    run(others, keep_weights=True)
    first, second = data(db=db)["trial"]
    for folder, uid in ((pets, first), (others, second)):
        status, out, _ = lemur("show", "pictures", TREE, "--data", folder, "-o", "a.png")
        assert (status, out.splitlines()[0]) == (0, f"trial {uid} of {TREE}")
    status, _, errors = lemur("show", "pictures", first, "--data", others, "-o", "b.png")
    assert status == 2
    assert f"trial {first[:8]} was trained on another dataset 'tree'" in errors
    third = write_tree(others.with_name("third"), seed=3)
    status, _, errors = lemur("show", "pictures", TREE, "--data", third, "-o", "b.png")
    assert (status, "was trained on another dataset 'tree'" in errors) == (2, True)
    assert not others.with_name("b.png").exists()


def test_a_trial_shows_its_data(run, pets, others, db, lemur):
    run(pets)
    run(others)
    first, second = data(db=db)["trial"]
    _, out, _ = lemur("show", "trial", first, "--no-source")
    assert f"data        {labels(db)[0]} (train 6, test 4, files 10)" in out.splitlines()
    assert "classes     cat, dog" in out.splitlines()
    _, out, _ = lemur("compare", first, second)
    assert [line.split()[:2] for line in out.splitlines()[:5] if line.startswith("data ")] == [
        ["data", labels(db)[0]]
    ]
    _, out, _ = lemur("db", "info")
    lines = [line for line in out.splitlines() if line.startswith("data  ")]
    assert lines == [f"data        tree {label}, 1 trial" for label in labels(db)]


def test_merged_trials_keep_their_data(run, pets, others, tmp_path, db):
    run(pets)
    run(others, db=str(tmp_path / "other.db"))
    run(pets, trials=2, db=str(tmp_path / "other.db"))
    with open_engine(tmp_path / "other.db") as other, open_engine(db) as engine:
        merge(engine, other)
        merge(engine, other)
        assert check(engine) == []
    frame = data(db=db, with_stats=True)
    assert [label.partition("@")[0] for label in frame["data"]] == [
        "pets", "others", "pets", "pets",
    ]  # fmt: skip
    assert frame["fingerprint"].nunique() == 2
    assert sorted(frame["number"]) == [1, 2, 3, 4]
    # The study has the trials on the same data in both databases.
    assert not run(pets, trials=3)[0].states
    assert not run(others, trials=1)[0].states


def test_exported_trials_keep_their_data(run, pets, others, tmp_path, db):
    run(pets)
    run(others)
    with open_engine(db) as engine:
        assert export(engine, tmp_path / "out") == (2, [])
    with open_engine(tmp_path / "back.db", create=True) as engine:
        import_results(engine, tmp_path / "out")
        assert check(engine) == []
    columns = ["trial", "data", "fingerprint"]
    before, after = (
        data(db=path, with_stats=True, columns=columns).sort_values("trial", ignore_index=True)
        for path in (db, tmp_path / "back.db")
    )
    assert before.equals(after)


@pytest.mark.parametrize("nonsense", ["", "{}", "[]", '{"folder":"a","class_names":"[1]"}'])
def test_an_invalid_data_record_is_rejected(run, pets, tmp_path, db, nonsense):
    run(pets)
    with open_engine(db) as engine:
        export(engine, tmp_path / "out")
    [file] = (tmp_path / "out").rglob("*.json")
    [record] = json.loads(file.read_text())
    record["lemur"]["data"] = nonsense
    file.write_text(json.dumps([record]))
    with open_engine(tmp_path / "back.db", create=True) as engine:
        [fault] = import_results(engine, tmp_path / "out").faults
    assert fault.reason == f"lemur: data {nonsense!r}: is not what lemur writes"


def test_a_damaged_data_record_is_detected(run, pets, db):
    run(pets)
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("update dataset set class_names = '[\"cat\"]'")
    with open_engine(db) as engine:
        [fault] = check(engine)
    assert fault.endswith("does not match its fingerprint")
