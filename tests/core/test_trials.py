"""Names of trials, and the commands that list, delete, tag and annotate them."""

import io
import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from lemur_core import attach, collect, data, record, trials
from lemur_core.cli.failure import place_of
from lemur_core.errors import AmbiguousTrialError, FactError, HeldTrialError, UnknownNameError
from lemur_core.store import schema
from lemur_core.store.care import check
from lemur_core.store.collections import collection
from lemur_core.store.database import open_engine
from lemur_core.store.export import export
from lemur_core.store.importing.merge import MERGED_FROM, merge
from lemur_core.store.importing.published import import_results
from lemur_core.store.reading.filters import Filters
from lemur_core.store.reading.trial_rows import COLUMNS, trial_rows
from lemur_core.store.trials import expanded, find_trial, short_ids
from lemur_core.store.writing.deletion import deletable_trials, delete_trials
from lemur_core.store.writing.holders import CONFIRM_S, Holders
from lemur_core.store.writing.tagging import annotate, tag
from lemur_core.store.writing.writer import Writer
from lemur_core.tags import tag_fact
from lemur_core.trial import Epoch, Outcome, State, Trial

from .test_store import PRM, pipeline

# The first two differ after eight digits; the third consists of digits only.
FIRST, SECOND, THIRD, FAILED = (
    uid.ljust(32, "0") for uid in ("aaaaaaaa1", "aaaaaaaa2", "31234567", "f00d")
)
TRACEBACK = """Traceback (most recent call last):
  File "/env/lib/python3.11/site-packages/torch/nn/modules/module.py", line 1, in _call
  File "/home/me/nets/Mine.py", line 15, in forward
  File "/env/lib/python3.11/site-packages/torch/x.py", line 3, in view
RuntimeError: bad shape

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/src/lemur_core/train/attempt.py", line 56, in attempt
  File "/home/me/other.py", line 99, in g
MisfitError: bad shape
"""


def add(writer, toys, uid, number, scores, *, net="Linear", prm=PRM, user=None, state=None):
    epochs = len(scores) or 2
    trial = Trial(pipeline(toys, net), number, prm, 7, epochs, uid=uid, user=user)
    row = writer.begin(trial)
    for epoch, (validation, accuracy) in enumerate(scores, 1):
        writer.record(row, Epoch(epoch, 0.5, validation, accuracy, epoch * 10**9))
    if state is not State.RUNNING:
        failure = ("RuntimeError: bad shape", TRACEBACK) if state is State.FAILED else ()
        writer.finish(row, Outcome(state or State.FINISHED, (), *failure))


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Path of the database that the first test writes and all others copy."""
    return tmp_path_factory.mktemp("original") / "lemur.db"


@pytest.fixture
def database(request, original, tmp_path):
    """Two trials of Linear, one of Raises, and a failed one without an epoch."""
    if not original.exists():
        _fill(original, request.getfixturevalue("toys"))
    return Path(shutil.copy(original, tmp_path))


def _fill(file, toys):
    with open_engine(file, create=True) as engine, closing(Writer(engine, {})) as writer:
        add(writer, toys, FIRST, 1, [(0.5, 0.9), (0.75, 0.25)], user="ann")
        add(writer, toys, SECOND, 2, [(0.7, 0.8)], prm=PRM | {"lr": 0.5}, user="bob")
        add(writer, toys, THIRD, 1, [(0.25, 0.1)], net="Raises")
        add(writer, toys, FAILED, 3, [], state=State.FAILED)


@pytest.fixture
def engine(database):
    with open_engine(database) as engine:
        yield engine


def find_uid(engine, name):
    with engine.connect() as connection:
        return find_trial(connection, name).uid


@pytest.mark.parametrize(
    ("name", "uid"),
    [
        (FIRST, FIRST), ("aaaaaaaa2", SECOND), ("f", FAILED), ("2", SECOND), ("3", FAILED),
        # No trial has this number, or it has as many digits as an id.
        ("31", THIRD), ("31234567", THIRD),
        ("last", FAILED), ("best", FIRST),
        ("img-classification_blobs_hits_Raises", THIRD),
    ],
)  # fmt: skip
def test_a_trial_has_several_names(engine, name, uid):
    assert find_uid(engine, name) == uid


def test_an_ambiguous_name_says_which_trials_it_could_be(engine):
    with pytest.raises(AmbiguousTrialError) as raised:
        find_uid(engine, "aaaa")
    assert str(raised.value) == (
        "trial 'aaaa' could be 2 trials: aaaaaaaa1 (img-classification_blobs_hits_Linear trial 1), "
        "aaaaaaaa2 (img-classification_blobs_hits_Linear trial 2); name one by its id"
    )
    with pytest.raises(AmbiguousTrialError, match=r"trial '1' could be 2 trials: aaaaaaaa1 .*3123"):
        find_uid(engine, "1")
    with pytest.raises(UnknownNameError, match="unknown trial 'zz'; there are 31234567, aaaaaaaa1"):
        find_uid(engine, "zz")


def test_the_best_of_several_leaderboards_is_ambiguous(engine):
    with engine.begin() as connection:
        other = schema.trial.update().where(schema.trial.c.uid == THIRD)
        connection.execute(other.values(metric="misses"))
    with pytest.raises(AmbiguousTrialError, match=r"trial 'best' could be 2 trials: aaaaaaaa1 "):
        find_uid(engine, "best")


def test_short_ids_are_unique_prefixes(engine):
    with engine.connect() as connection:
        assert short_ids(connection, [FIRST, SECOND, THIRD]) == {
            FIRST: "aaaaaaaa1", SECOND: "aaaaaaaa2", THIRD: "31234567",
        }  # fmt: skip


def test_a_filter_takes_prefixes_of_several_trials_and_names(engine, lemur):
    with engine.connect() as connection:
        assert expanded(connection, ["aaaa", "last", "2"]) == ["aaaa", FAILED, SECOND]
    status, out, _ = lemur("data", "--where", "trial=best", "--columns", "trial,user")
    assert (status, out.split()) == (0, ["trial", "user", FIRST, "ann", FIRST, "ann"])
    status, _, errors = lemur("data", "--where", "trial=zz")
    assert (status, errors.startswith("lemur: error: unknown trial 'zz'")) == (2, True)


def test_the_table_says_that_an_estimator_ended_a_trial_early(database, toys, lemur):
    with open_engine(database) as engine, closing(Writer(engine, {})) as writer:
        add(writer, toys, "c" * 32, 5, [(0.1, 0.1)], state=State.CONVERGED)
    [line] = [line for line in lemur("trials")[1].splitlines() if line.startswith("cccccccc")]
    assert "ended early" in line


def test_a_trial_is_a_row_with_its_best_epoch(engine):
    with engine.connect() as connection:
        rows, total = trial_rows(connection, Filters())
        last, of = trial_rows(connection, Filters(), 1)
    assert [row["id"] for row in rows] == ["aaaaaaaa1", "aaaaaaaa2", "31234567", FAILED[:8]]
    assert (total, of, last) == (4, 4, rows[-1:])
    first, failed = rows[0], rows[-1]
    assert set(first) == {*COLUMNS, "facts"}
    # The second epoch, although the first has the higher test score.
    scores = {name: first[name] for name in ("validation", "accuracy", "epoch", "seconds")}
    assert scores == {"validation": 0.75, "accuracy": 0.25, "epoch": 2, "seconds": 2.0}
    assert (first["trained"], first["epochs"], first["user"]) == (2, 2, "ann")
    assert (failed["trained"], failed["validation"], failed["state"]) == (0, None, "failed")


def test_a_frame_of_trials_has_those_without_an_epoch(engine, database):
    frame = trials(db=database)
    assert list(frame["trial"]) == [FIRST, SECOND, THIRD, FAILED]
    assert list(frame["trained"]) == [2, 1, 1, 0]
    assert {*frame.columns} == {*COLUMNS, "facts"}
    [failed] = trials(where={"state": "failed"}, db=database).to_dict("records")
    assert (failed["trial"], failed["reason"]) == (FAILED, "RuntimeError: bad shape")
    assert failed["prm"] == PRM
    assert list(trials(nn="Raises", db=database)["trial"]) == [THIRD]
    assert trials(nn="Unknown", db=database).empty


def test_a_frame_of_a_collections_trials_has_their_places(engine, database):
    collect("both", {"dense": [SECOND, FAILED], "sparse": [FAILED]}, db=database)
    record(FAILED, {"pair.space": 3}, db=database)
    rows = trials(collection="both", db=database)
    places = [*rows[["trial", "role", "position"]].itertuples(index=False, name=None)]
    assert places == [(SECOND, "dense", 0), (FAILED, "dense", 1), (FAILED, "sparse", 0)]
    assert rows["facts"].iloc[-1]["pair.space"] == 3
    with pytest.raises(UnknownNameError, match="unknown collection 'none'"):
        trials(collection="none", db=database)


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ((), ["aaaaaaaa1", "aaaaaaaa2", "31234567", "f00d0000"]),
        (("--failed",), ["f00d0000"]),
        (("--net", "Raises"), ["31234567"]),
        (("--where", "user=bob"), ["aaaaaaaa2"]),
        (("--where", "lr=0.5"), ["aaaaaaaa2"]),
        (("--where", "accuracy=0.85.."), ["aaaaaaaa1"]),
        (("--epoch", "2"), ["aaaaaaaa1"]),
        (("--limit", "2"), ["31234567", "f00d0000"]),
        (("--tag", "good"), ["aaaaaaaa1", "31234567"]),
        (("--tag", "good", "--tag", "old"), ["31234567"]),
        (("--where", "tag=good,old"), ["aaaaaaaa1", "aaaaaaaa2", "31234567"]),
    ],
)
def test_trials_are_filtered_like_results(engine, lemur, arguments, ids):
    tag(engine, "good", [FIRST, THIRD])
    tag(engine, "old", [SECOND, THIRD])
    status, out, errors = lemur("trials", *arguments, "--json")
    assert (status, errors) == (0, "")
    assert [json.loads(line)["id"] for line in out.splitlines()] == ids


def test_the_table_of_trials(engine, lemur):
    tag(engine, "good", ["best"])
    status, out, _ = lemur("trials")
    lines = [line.split() for line in out.splitlines()]
    assert status == 0
    assert lines[0] == ["img-classification_blobs_hits"]
    assert lines[1][:8] == [
        "id", "net", "number", "state", "validation", "test", "epochs", "seconds",
    ]  # fmt: skip
    assert lines[2][:8] == [
        "aaaaaaaa1", "Linear", "1", "finished", "0.7500", "0.2500", "2/2", "2.0",
    ]  # fmt: skip
    assert lines[2][-2:] == ["ann", "good"]
    assert lemur("trials", "--columns", "id,lr,tags", "--net", "Linear")[1].splitlines() == [
        "id          lr  tags", "aaaaaaaa1  0.1  good", "aaaaaaaa2  0.5", "f00d0000   0.1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--columns", "id,lrr"), "unknown column 'lrr'. Did you mean 'lr'?"),
        (("--tag", "goood"), "unknown tag 'goood'. Did you mean 'good'?"),
        (
            ("--failed", "--where", "state=failed"),
            "--failed and --where state=... exclude each other",
        ),
        (
            ("--net", "Linear", "delete", "1"),
            "--nn belongs to the list of trials; 'lemur trials delete' takes ids "
            "See lemur trials --help.",
        ),
    ],
)
def test_mistakes_in_the_list_of_trials_are_one_line(engine, lemur, arguments, error):
    tag(engine, "good", [FIRST])
    assert lemur("trials", *arguments) == (2, "", f"lemur: error: {error}\n")


def test_tags_and_notes_are_facts_that_are_shown_exported_and_merged(engine, lemur, tmp_path):
    label = "aaaaaaaa1 (img-classification_blobs_hits_Linear trial 1)"
    assert lemur("trials", "tag", "good", FIRST)[1] == f"{label}: tag good added\n"
    assert lemur("trials", "tag", "good", FIRST)[1] == f"{label}: has it already\n"
    assert lemur("trials", "note", "table 2", FIRST)[1] == f"{label}: note added\n"
    out = lemur("trials", "note", "table 3", FIRST)[1]
    assert out == f"{label}: note replaced; it was 'table 2'\n"
    shown = lemur("show", "trial", FIRST, "--no-source")[1].splitlines()
    assert {"tag         good", 'fact        note = "table 3"', "user        ann"} <= {*shown}
    export(engine, tmp_path / "stat")
    for name, fill in (
        ("merged.db", lambda other: merge(other, engine)),
        ("imported.db", lambda other: import_results(other, tmp_path / "stat")),
    ):
        with open_engine(tmp_path / name, create=True) as other:
            fill(other)
            with other.connect() as connection:
                [row] = trial_rows(connection, Filters(where={"tag": "good"}))[0]
        assert (row["trial"], row["note"], row["user"]) == (FIRST, "table 3", "ann")
    assert lemur("trials", "tag", "good", FIRST, "--remove")[1] == f"{label}: tag good removed\n"
    out = lemur("trials", "note", FIRST, "--remove")[1]
    assert out == f"{label}: note removed; it was 'table 3'\n"
    assert data(db=tmp_path / "lemur.db", with_facts=True).equals(data(db=tmp_path / "lemur.db"))


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "tag name '': is empty"),
        ("x" * 2**20, "tag name 'xxxxxxxxxxxxxxxxxxxx...': has 1,048,576 characters; at most 200"),
        ("x" * 51, "has 51 characters; at most 50 are allowed, and a note may be longer"),
        ("a,b", "tag name 'a,b': contains a comma, which separates tags"),
        ("a\nb", "tag name 'a\\nb': contains a control character"),
    ],
)
def test_a_bad_tag_is_refused_in_one_line(name, error):
    with pytest.raises(FactError) as raised:
        tag_fact(name)
    assert error in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_bad_note_is_refused_and_changes_nothing(engine):
    annotate(engine, "line one\nline two", [FIRST])
    for text in (" ", "x" * 40_000, "bell \a"):
        with pytest.raises(FactError):
            annotate(engine, text, [FIRST])
    assert annotate(engine, None, [FIRST])[0].before == "line one\nline two"


def test_a_tag_of_an_unknown_trial_changes_no_other(engine):
    with pytest.raises(UnknownNameError):
        tag(engine, "good", [FIRST, "zz"])
    with engine.connect() as connection:
        assert connection.execute(select(schema.fact)).all() == []


def test_a_deleted_trial_leaves_nothing_and_the_rest_as_it_was(engine, database, lemur, tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"1234")
    for uid in (FIRST, SECOND):
        attach(uid, tmp_path / "net.onnx", db=database)
    record(FIRST, {"a": 1}, db=database)
    record(FIRST, {"b": 1}, epoch=1, db=database)
    collect("zoo", [THIRD, FIRST, SECOND], db=database)
    weights, checkpoints = (tmp_path / f"lemur.db-{name}" for name in ("weights", "checkpoints"))
    for uid in (FIRST, SECOND):
        for path in (weights / f"{uid}-last.safetensors", checkpoints / uid / "1" / "x"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"12")
    before = data(db=database, with_stats=True, where={"trial": [SECOND, THIRD]})

    line = (
        "aaaaaaaa1 (img-classification_blobs_hits_Linear trial 1), finished, 2 epochs, 2 facts, "
        "1 artefact, artefacts and weights and checkpoints of 8 B, member of zoo"
    )
    status, out, errors = lemur("trials", "delete", "best", "--yes")
    assert (status, out, errors) == (0, f"{line}\ndeleted 1 trial\n", "")

    assert check(engine) == []
    assert data(db=database, with_stats=True).equals(before)
    assert [member.trial for member in collection("zoo", db=database).members] == [THIRD, SECOND]
    assert [member.position for member in collection("zoo", db=database).members] == [0, 1]
    left = {path.name for folder in (weights, checkpoints) for path in folder.iterdir()}
    assert left == {f"{SECOND}-last.safetensors", SECOND}
    assert [path.name for path in (tmp_path / "lemur.db-artefacts").iterdir()] == [SECOND]


def test_files_that_cannot_be_deleted_are_named(engine, lemur, tmp_path, monkeypatch):
    checkpoints = tmp_path / "lemur.db-checkpoints" / FIRST
    checkpoints.mkdir(parents=True)

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("shutil.rmtree", refuse)
    status, out, errors = lemur("trials", "delete", FIRST, "--yes")
    monkeypatch.undo()
    assert (status, out.splitlines()[-1]) == (0, "deleted 1 trial")
    assert (
        f"lemur.db-checkpoints/{FIRST} cannot be deleted: Permission denied; delete it by hand"
        in errors
    )


def test_deleting_asks_first(engine, lemur, monkeypatch):
    monkeypatch.setattr("click.confirm", lambda question: False)
    status, out, _ = lemur("trials", "delete", FIRST, FAILED)
    assert (status, out.splitlines()[-1]) == (1, "nothing was deleted")
    monkeypatch.undo()


def test_deleting_without_a_terminal_needs_yes(engine, lemur, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    status, _, errors = lemur("trials", "delete", FIRST)
    assert status == 2
    assert errors.endswith("Delete 1 trial? There is no terminal to confirm it; give --yes\n")
    assert find_uid(engine, FIRST) == FIRST


def test_a_trial_that_is_trained_is_not_deleted(engine, toys):
    with closing(Writer(engine, {})) as writer:
        add(writer, toys, "b" * 32, 4, [(0.5, 0.5)], state=State.RUNNING)
        trials = deletable_trials(engine, ["b", FIRST])
        with pytest.raises(HeldTrialError, match="is being trained by host .*; end that campaign"):
            delete_trials(engine, trials, print, print)
        assert find_uid(engine, FIRST) == FIRST
    # The campaign ended without an end of the trial: its lease is over.
    delete_trials(engine, deletable_trials(engine, ["b"]), print, print)
    with pytest.raises(UnknownNameError):
        find_uid(engine, "b")
    assert check(engine) == []


@pytest.mark.parametrize("beats", [True, False])
def test_a_writer_on_another_host_is_watched_before_its_trial_is_deleted(
    engine, toys, monkeypatch, beats
):
    """The time passes in this test only when the code sleeps."""
    add(Writer(engine, {}), toys, "b" * 32, 4, [], state=State.RUNNING)
    seconds, lines = [0.0], []
    with engine.begin() as connection:
        far = {"id": "far", "host": "far", "process": "", "beat": "0"}
        connection.execute(schema.owner.insert().values(**far, seen="2020-01-01T00:00:00+00:00"))
        change = schema.trial.update().where(schema.trial.c.uid == "b" * 32)
        connection.execute(change.values(owner="far"))

    def sleep(duration):
        seconds[0] += duration
        if beats and seconds[0] > 8:
            with engine.begin() as connection:
                beat = schema.owner.update().where(schema.owner.c.id == "far")
                connection.execute(beat.values(beat=str(seconds[0])))

    monkeypatch.setattr("lemur_core.store.writing.deletion.time.sleep", sleep)
    trials = deletable_trials(engine, ["b"])
    holders = Holders(lambda: seconds[0])
    if beats:
        with pytest.raises(HeldTrialError, match="is being trained by host far"):
            delete_trials(engine, trials, lines.append, print, holders)
        assert find_uid(engine, "b") == "b" * 32
    else:
        delete_trials(engine, trials, lines.append, print, holders)
        assert seconds[0] == CONFIRM_S
    assert lines == [
        f"trial {trials[0].label} has not ended; watching for 15 s whether another process still "
        "trains it"
    ]


def test_a_trial_that_was_taken_over_meanwhile_is_not_deleted(engine):
    trials = deletable_trials(engine, [FIRST])
    with engine.begin() as connection:
        change = schema.trial.update().where(schema.trial.c.uid == FIRST)
        connection.execute(change.values(owner="another"))
    with pytest.raises(HeldTrialError, match="by another process, and nothing was deleted"):
        delete_trials(engine, trials, print, print)
    assert find_uid(engine, FIRST) == FIRST


def test_a_failure_is_placed_in_the_users_own_file():
    assert place_of(TRACEBACK) == "/home/me/nets/Mine.py, line 15"
    assert place_of("") == ""
    assert place_of('  File "/src/lemur_core/train/x.py", line 5, in f\n') == ""


def test_a_failed_trial_shows_where_it_failed(engine, lemur):
    shown = lemur("show", "trial", "last", "--no-source")[1].splitlines()
    assert "failed in   /home/me/nets/Mine.py, line 15" in shown


def test_a_merged_trial_keeps_the_first_database_that_it_came_from(engine, lemur, tmp_path):
    status, out, _ = lemur("db", "merge", "lemur.db", "--db", "one.db")
    assert (status, out) == (0, "4 trials, 4 epochs and 0 facts about code imported\n")
    status, out, errors = lemur("db", "merge", "one.db", "lemur.db", "--db", "two.db")
    assert (status, errors) == (0, "")
    assert [line.split(",")[0] for line in out.splitlines()] == [
        "one.db: 4 trials", "lemur.db: 0 trials",
    ]  # fmt: skip
    frame = data(db=tmp_path / "two.db", columns=["trial", MERGED_FROM])
    assert set(frame[MERGED_FROM]) == {"lemur.db"}
    # The trials of the first database came from nowhere.
    assert lemur("db", "merge", "two.db")[:2] == (
        0, "0 trials, 0 epochs and 0 facts about code imported\n",
    )  # fmt: skip
    assert MERGED_FROM not in data(db=tmp_path / "lemur.db", with_facts=True)


def test_a_database_is_not_merged_with_itself(engine, lemur, tmp_path):
    (tmp_path / "link.db").symlink_to("lemur.db")
    for other in ("lemur.db", "./lemur.db", "link.db"):
        status, out, errors = lemur("db", "merge", other)
        assert (status, out) == (2, "")
        assert errors == (
            f"lemur: error: database {other}: is the one to merge into; name another, or another "
            "--db\n"
        )
