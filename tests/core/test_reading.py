"""What `data` selects and adds, and what `lemur data` writes."""

import io
import json
import random
import subprocess
import sys

import pandas as pd
import pytest
from sqlalchemy import event

from lemur_core import Results, data
from lemur_core.errors import SettingsError, UnknownNameError
from lemur_core.store.database import open_engine
from lemur_core.store.importing.published import import_results
from lemur_core.store.reading.filters import Filters
from lemur_core.store.reading.formats import FORMS
from lemur_core.store.reading.formats import write as write_form
from lemur_core.store.reading.frame import frame_of
from lemur_core.store.reading.frame_options import FrameOptions
from lemur_core.store.reading.reader import best
from lemur_core.store.reading.standings import best_trial, standings
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Epoch, Outcome, State, Trial

from .test_store import PRM, pipeline
from .test_taking import FIRST, publish


@pytest.fixture
def db(toys, tmp_path):
    """Three trials of one, two and two epochs, with two nets; and an imported trial."""
    file = tmp_path / "results.db"
    prms = (PRM | {"lr": 0.1}, PRM | {"lr": 1e-3, "batch": 32}, PRM | {"lr": 0.5, "depth": 2.0})
    with open_engine(file, create=True) as engine:
        writer = Writer(engine, {"torch": "2"})
        for number, prm in enumerate(prms, 1):
            net = "Raises" if number == 3 else "Linear"
            trial = Trial(pipeline(toys, net), number, prm, 7, 2, uid=f"{number}" * 32)
            trial_id = writer.begin(trial)
            for epoch in range(1, min(number, 2) + 1):
                scores = {"f1": (0.5, 0.25)} if number == 2 else {}
                accuracy = 0.1 * number + 0.3 * (epoch == 1)
                writer.record(trial_id, Epoch(epoch, 0.5, 0.75, accuracy, epoch * 10**9, scores))
            writer.finish(trial_id, Outcome(State.FINISHED, ()))
        publish(tmp_path / "stat", 1, [FIRST])
        import_results(engine, tmp_path / "stat")
    return file


@pytest.mark.parametrize(
    ("where", "trials"),
    [
        ({"lr": 0.1}, "1"),
        ({"lr": [0.1, 0.5]}, "133"),
        ({"lr": (0.01, None)}, "133"),
        ({"lr": (None, 0.01)}, "22F"),
        ({"lr": (1e-3, 0.1)}, "122F"),
        ({"batch": 32}, "22"),
        ({"batch": 32.0}, "22"),
        ({"batch": (16, 16)}, "133F"),
        ({"depth": 2}, "33"),
        ({"bias": False}, "12233"),
        ({"bias": 0}, ""),
        ({"act": "relu"}, "12233"),
        ({"act": (0, 1)}, ""),
        ({"accuracy": (0.5, None)}, "23F"),
        ({"validation": 0.75, "batch": {16}}, "133"),
        ({"state": "imported"}, "F"),
        ({"trial": "2" * 32}, "22"),
        ({"seed": 7, "lr": 0.5}, "33"),
        ({"nothing": 1}, ""),
        ({"act": "x' or '1' = '1"}, ""),
        ({"x' or '1' = '1": 1}, ""),
    ],
)
def test_rows_are_filtered_by_hyperparameters_and_columns(db, where, trials):
    uids = data(db=db, where=where)["trial"].str[0]
    imported = set(data(db=db, where={"state": "imported"})["trial"].str[0])
    assert "".join("F" if uid in imported else uid for uid in uids) == trials


def test_rows_are_filtered_by_net_name_prefix(db):
    assert set(data(db=db, nn_prefixes=["Lin"])["nn"]) == {"Linear"}
    assert set(data(db=db, nn_prefixes=["Lin", "Res"])["nn"]) == {"Linear", "ResNet"}
    assert data(db=db, nn_prefixes=["%"]).empty
    assert set(data(db=db, nn_prefixes="R")["nn"]) == {"Raises", "ResNet"}


def test_hostile_text_is_only_a_value(db):
    for name in ("task", "dataset", "metric", "nn"):
        assert data(db=db, **{name: "'; drop table stat; --"}).empty
    assert len(data(db=db)) == 6


def test_a_curve_is_the_accuracy_at_each_epoch(db):
    frame = data(db=db, with_curves=True, epoch=2)
    assert [set(curve) for curve in frame["curve"]] == [{1, 2}, {1, 2}]
    assert frame["curve"][0] == {1: pytest.approx(0.5), 2: pytest.approx(0.2)}


def test_details_of_trials_can_be_added(db):
    row = data(db=db, with_stats=True, where={"trial": "3" * 32}).iloc[0]
    assert (row["number"], row["seed"], row["epochs"], row["device"]) == (3, 7, 2, "cpu")
    assert (row["reason"], row["source"], row["extra"]) == ("", None, {})
    assert row["started"] <= row["ended"]


def test_hyperparameters_can_be_columns(db):
    frame = data(db=db, prm_as_columns=True)
    assert "prm" not in frame
    assert list(frame["prm.lr"])[:3] == [0.1, 1e-3, 1e-3]
    assert list(frame["prm.depth"].dropna()) == [2.0, 2.0]


def test_requested_columns_are_returned_in_order(db):
    assert list(data(db=db, columns=["accuracy", "nn"]).columns) == ["accuracy", "nn"]
    with pytest.raises(UnknownNameError) as raised:
        data(db=db, columns=["acuracy"])
    assert str(raised.value) == "unknown column 'acuracy'. Did you mean 'accuracy'?"
    # Columns of `with_curves` and `with_stats` need only be named.
    frame = data(db=db, columns=["curve", "seed"])
    assert (frame["curve"][0], frame["seed"][0]) == ({1: pytest.approx(0.4)}, 7)


def test_the_best_of_each_net_is_one_row(db):
    assert list(data(db=db, unique_nn=True)["trial"].str[0])[:2] == ["2", "3"]
    assert len(data(db=db, unique_nn=True)) == 3


def test_the_best_of_each_pipeline_is_ordered_by_dataset_and_validation(toys, tmp_path):
    # Validation, accuracy and whether it is published, by net; unordered.
    file = tmp_path / "results.db"
    scores = {"Raises": (0.7, 0.1), "Linear": (0.8, 0.2), "Diverges": (0.7, 0.9)}
    with open_engine(file, create=True) as engine:
        writer = Writer(engine, {})
        for net, (validation, accuracy) in scores.items():
            trial_id = writer.begin(Trial(pipeline(toys, net), 1, PRM, 0, 1))
            writer.record(trial_id, Epoch(1, None, validation, accuracy, 1))
        for net, accuracy in (("A", 0.5), ("B", 0.95)):
            record = FIRST | {"accuracy": accuracy, "uid": net}
            publish(tmp_path / "stat", 1, [record], f"img-classification_blobs_hits_{net}")
        import_results(engine, tmp_path / "stat")
    assert list(best(db=file)["nn"]) == ["Linear", "Raises", "Diverges", "B", "A"]


# For each trial, the validation score (None: published) and test score of each epoch; then the
# best trial and epoch, determined by hand.
CHOICES = {
    "validation and not test": ([[(0.9, 0.1), (0.5, 0.99)]], (1, 1)),
    "in a tie, the later epoch": ([[(0.9, 0.8), (0.9, 0.1)], [(0.9, 0.99)]], (1, 2)),
    "in a tie, the first trial": ([[(0.2, 0.2), (0.9, 0.1)], [(0.1, 0.1), (0.9, 0.7)]], (1, 2)),
    "validation over none": ([[(None, 0.99)], [(0.1, 0.1)]], (2, 1)),
    "accuracy without validation": ([[(None, 0.5), (None, 0.4)], [(None, 0.6)]], (2, 1)),
    "validation by its last digit": ([[(0.5, 0.9)], [(0.5 + 2**-53, 0.1)]], (2, 1)),
    "a low score": ([[(0.0, 0.9)], [(-0.5, 0.99)]], (1, 1)),
}


@pytest.mark.parametrize(("trials", "expected"), CHOICES.values(), ids=CHOICES)
def test_every_command_chooses_the_same_best(toys, tmp_path, lemur, trials, expected):
    file = tmp_path / "lemur.db"
    with open_engine(file, create=True) as engine:
        writer = Writer(engine, {})
        for number, epochs in enumerate(trials, 1):
            trial_id = writer.begin(Trial(pipeline(toys), number, PRM, 0, 2, uid=str(number) * 32))
            for epoch, (validation, accuracy) in enumerate(epochs, 1):
                writer.record(trial_id, Epoch(epoch, None, validation or 0, accuracy, 10**9))
        with engine.begin() as connection:
            for number, epochs in enumerate(trials, 1):
                if epochs[0][0] is None:
                    connection.exec_driver_sql(
                        "update stat set validation = null where trial_id = ?", (number,)
                    )
    trial, epoch = expected
    uid, accuracy = str(trial) * 32, trials[trial - 1][epoch - 1][1]
    row = best(db=file).iloc[0]
    assert (row["trial"], row["epoch"], row["accuracy"]) == (uid, epoch, accuracy)
    row = data(db=file, only_best=True, unique_nn=True).iloc[0]
    assert (row["trial"], row["epoch"]) == (uid, epoch)
    for epoch_number in {1, epoch}:
        [chosen] = data(db=file, only_best=True, epoch=epoch_number)["trial"]
        assert epoch_number != epoch or chosen == uid
    status, out, _ = lemur("data", "--unique-nn", "--format", "jsonl")
    assert (status, json.loads(out)["trial"], json.loads(out)["epoch"]) == (0, uid, epoch)
    with open_engine(file) as engine:
        first = Results(engine).epochs()[0]
    assert (first.trial, first.epoch, first.accuracy) == (uid, epoch, accuracy)
    if any(score is not None for epochs in trials for score, _ in epochs):
        name = "img-classification_blobs_hits_Linear"
        with open_engine(file) as engine:
            [standing] = standings(engine, [name])
            assert (standing.trial, standing.epoch) == expected
            with engine.connect() as connection:
                assert best_trial(connection, name) == uid
    _, out, _ = lemur("show", "trial", uid, "--no-source")
    assert f"best        epoch {epoch}: validation " in out


def test_lemurs_best_is_the_most_accurate(toys, tmp_path, lemur):
    file = tmp_path / "lemur.db"
    with open_engine(file, create=True) as engine:
        writer = Writer(engine, {})
        for number, scores in enumerate([(0.9, 0.1), (0.2, 0.8)], 1):
            trial = Trial(pipeline(toys), number, PRM, 0, 1, uid=str(number) * 32)
            writer.record(writer.begin(trial), Epoch(1, None, *scores, 1))
    assert data(db=file, only_best_accuracy=True)["trial"].tolist() == ["2" * 32]
    assert data(db=file, only_best=True)["trial"].tolist() == ["1" * 32]
    assert json.loads(lemur("data", "--best", "--format", "jsonl")[1])["trial"] == "1" * 32
    with pytest.raises(SettingsError, match="^only_best selects by validation score and "):
        data(db=file, only_best=True, only_best_accuracy=True)


SCORES = {
    "that differ": [place / 1000 for place in range(1000)],
    "that differ by the last digit": [0.5 + place * 2**-53 for place in range(4)],
    "beyond what a score can be": [-1e300, -20.0, 12.0, 12.5, 1e300],
}


@pytest.mark.parametrize("scores", SCORES.values(), ids=SCORES)
@pytest.mark.parametrize("by", ["accuracy", "validation"])
@pytest.mark.parametrize("differ", [["nn", "epoch"], ["nn"]], ids=["by epoch", "by net"])
def test_the_best_rows_are_those_that_pandas_picks_from_all(toys, tmp_path, differ, scores, by):
    drawn, file = random.Random(0), tmp_path / "many.db"
    with open_engine(file, create=True) as engine:
        writer = Writer(engine, {})
        for number in range(1, 41):
            net = drawn.choice(["Linear", "Raises"])
            trial_id = writer.begin(Trial(pipeline(toys, net), number, PRM, 0, 9))
            for epoch in range(1, drawn.randint(2, 5)):
                both = drawn.choice(scores), drawn.choice(scores)
                writer.record(trial_id, Epoch(epoch, None, *both, 1))
    every = data(db=file)
    if by == "validation":
        every = every.sort_values("epoch", ascending=False, kind="stable")
    highest = every[by] == every.groupby(differ)[by].transform("max")
    expected = every[highest].drop_duplicates(differ).sort_index().reset_index(drop=True)
    by_epoch = "epoch" in differ
    rows = data(
        db=file,
        only_best_accuracy=by_epoch and by == "accuracy",
        only_best=by == "validation",
        unique_nn=not by_epoch,
    )
    pd.testing.assert_frame_equal(rows, expected, check_categorical=False)


def test_a_trial_that_starts_meanwhile_does_no_harm(toys, db):
    with open_engine(db) as engine:

        def begin(connection, cursor, statement, *_):
            if "group_concat(trial.id" in statement:
                writer = Writer(engine, {})
                trial_id = writer.begin(Trial(pipeline(toys), 4, PRM, 0, 1))
                writer.record(trial_id, Epoch(1, None, 0.5, 1.0, 1))

        event.listen(engine, "after_cursor_execute", begin)
        with engine.connect() as connection:
            frame = frame_of(connection, Filters(), FrameOptions(best_of=("nn",)))
    assert list(frame["trial"].str[0])[:2] == ["2", "3"]


def test_columns_have_the_same_types_whatever_their_values(db):
    full, empty = data(db=db, with_stats=True), data(db=db, with_stats=True, nn="none")
    for name in ("epoch", "accuracy", "duration", "validation", "loss", "seed", "task", "trial"):
        assert full[name].dtype == empty[name].dtype, name
    assert len(empty) == 0
    assert list(full.columns) == list(empty.columns)


def test_each_call_reads_again_and_returns_a_new_frame(db, toys):
    before = data(db=db)
    before.loc[0, "accuracy"] = 99
    before["prm"][0]["lr"] = 99
    with open_engine(db) as engine:
        writer = Writer(engine, {})
        writer.record(writer.begin(Trial(pipeline(toys), 9, PRM, 7, 2)), Epoch(1, 0, 0, 0, 1))
    after = data(db=db)
    assert len(after) == 7
    assert after["accuracy"][0] != 99
    assert after["prm"][0]["lr"] == 0.1


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        (Filters(epoch=1), "ix_stat_epoch"),
        (Filters(trial={"nn": "Linear"}), "ix_trial_nn"),
        (Filters(trial={"dataset": "blobs"}), "ix_trial_dataset"),
        (
            Filters(trial={"task": "a", "dataset": "b", "metric": "c", "nn": "d"}),
            "(task=? AND dataset=? AND metric=? AND nn=?)",
        ),
        (Filters(where={"trial": "1" * 32}), "(uid=?)"),
        (Filters(where={"lr": 0.1}, epoch=1), "sqlite_autoindex_prm_1"),
    ],
)
def test_queries_use_their_indexes(db, filters, index):
    plans = []

    def explain(connection, cursor, statement, parameters, context, many):
        if "FROM stat" in statement and not statement.startswith("EXPLAIN"):
            steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append("\n".join(row[-1] for row in steps))

    with open_engine(db) as engine:
        event.listen(engine, "before_cursor_execute", explain)
        with engine.connect() as connection:
            frame_of(connection, filters, FrameOptions())
    assert index in plans[0]
    assert "SCAN prm" not in plans[0]


HOSTILE = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "harmless")


@pytest.fixture
def hostile(tmp_path):
    for number, name in enumerate(HOSTILE, 1):
        publish(tmp_path / "stat", number, [FIRST], f"task_data_metric_{name}")
    with open_engine(tmp_path / "hostile.db", create=True) as engine:
        import_results(engine, tmp_path / "stat")
    return data(db=tmp_path / "hostile.db")


def as_form(frame, form):
    file = io.BytesIO()
    write_form(frame, form, file)
    file.seek(0)
    return file


def test_no_text_is_a_formula_in_csv(hostile):
    nets = list(pd.read_csv(as_form(hostile, "csv"))["nn"])
    assert sorted(nets) == sorted(["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "harmless"])


def test_no_text_is_a_formula_in_a_workbook(hostile):
    from openpyxl import load_workbook

    sheet = load_workbook(as_form(hostile, "xlsx")).active
    names = [cell.value for cell in sheet[1]]
    cells = [row[names.index("nn")] for row in sheet.iter_rows(min_row=2)]
    assert sorted(cell.value for cell in cells) == sorted(HOSTILE)
    assert {cell.data_type for cell in cells} == {"s"}


def test_every_format_can_be_read_back(db):
    frame = data(db=db, with_stats=True)
    readers = {
        "csv": pd.read_csv,
        "json": pd.read_json,
        "jsonl": lambda file: pd.read_json(file, lines=True),
        "parquet": pd.read_parquet,
        "xlsx": pd.read_excel,
    }
    assert set(readers) == set(FORMS)
    for form, read in readers.items():
        back = read(as_form(frame, form))
        assert list(back.columns) == list(frame.columns), form
        assert list(back["accuracy"]) == pytest.approx(list(frame["accuracy"])), form
        prms = [prm if isinstance(prm, dict) else json.loads(prm) for prm in back["prm"]]
        assert prms[-1]["lr"] == pytest.approx(FIRST["lr"]), form


def test_a_missing_package_is_named(db, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(SettingsError) as raised:
        as_form(data(db=db), "xlsx")
    assert str(raised.value).endswith("is not installed; pip install 'lemur-core[formats]'")


def test_the_command_filters_and_writes(db, lemur, tmp_path):
    status, out, _ = lemur("data", "--db", db, "--where", "lr=0.01..", "--format", "jsonl")
    assert (status, len(out.splitlines())) == (0, 3)
    status, out, _ = lemur("data", "--db", db, "--columns", "nn,epoch", "--where", "batch=32")
    assert out.split() == ["nn", "epoch", "Linear", "1", "Linear", "2"]
    assert lemur("data", "--db", db, "--format", "parquet", "-o", "out.parquet")[0] == 0
    assert len(pd.read_parquet(tmp_path / "out.parquet")) == 6
    assert lemur("data", "--db", db, "--where", "lr") == (
        2, "", "lemur: error: --where 'lr': expected NAME=VALUE, as in --where batch=32,64\n"
    )  # fmt: skip
    assert lemur("data", "--db", db, "--where", "lr=a..b") == (
        2,
        "",
        "lemur: error: --where 'lr=a..b': 'a' is not a number; "
        "expected a range such as 1e-4..1e-2\n",
    )


def test_hyperparameter_columns_can_be_selected(db, lemur):
    frame = data(db=db, prm_as_columns=True, columns=["nn", "prm.lr", "prm.depth"])
    assert list(frame.columns) == ["nn", "prm.lr", "prm.depth"]
    assert list(frame["prm.lr"])[:3] == [0.1, 1e-3, 1e-3]
    assert list(data(db=db, columns=["prm.batch"], where={"batch": 32})["prm.batch"]) == [32, 32]
    every = data(db=db, prm_as_columns=True, columns=["prm", "nn"])
    assert [name for name in every if not name.startswith("prm.")] == ["nn"]
    assert {"prm.lr", "prm.batch", "prm.depth"} < set(every)
    arguments = ("data", "--db", db, "--prm-as-columns", "--where", "batch=32", "--epoch", 1)
    _, out, _ = lemur(*arguments, "--columns", "nn, prm.lr,prm.depth")
    assert out.split() == ["nn", "prm.lr", "prm.depth", "Linear", "0.001", "-"]
    status, out, _ = lemur(*arguments, "--columns", "nn,prm")
    assert (status, out.splitlines()[0].split()) == (0, ["nn", *sorted(f"prm.{p}" for p in PRM)])
    status, out, errors = lemur(*arguments, "--columns", "prm.lrr")
    assert (status, out) == (2, "")
    assert errors.startswith("lemur: error: unknown column 'prm.lrr'. Did you mean 'prm.lr' or ")


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("epoch=2", 2), ("epoch=1..1", 4), ("nn=Linear", 3), ("nn=Linear,Raises", 5),
        ("metric=acc", 1), ("number=2", 2), ("epochs=2", 5), ("device=cpu", 5), ("seed=7", 5),
        ("state=finished", 5), ("state=imported,finished", 6), ("trial=2222", 2),
        ("trial=2,3", 4), ("started=2000..", 5), ("started=..2000", 0), ("prm.batch=32", 2),
        ("prm.epochs=2", None), ("loss=0.5", 5),
    ],
)  # fmt: skip
def test_rows_are_filtered_by_every_plain_column(db, lemur, condition, rows):
    status, out, _ = lemur("data", "--db", db, "--where", condition, "--format", "jsonl")
    assert (status, len(out.splitlines())) == ((2, 0) if rows is None else (0, rows))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data", "--where", "prm=1"], "rows cannot be filtered by 'prm'; for a hyperparameter of "
         "this name write prm.prm"),
        (["data", "--where", "state=fialed"], "unknown state 'fialed'. Did you mean 'failed'?"),
        (["data", "--where", "epoch=last"],
         "--where 'epoch=last': epoch is a number; expected epoch=1 or epoch=1..2"),
        (["data", "--where", "acuracy=0.5"],
         "unknown column or hyperparameter 'acuracy'. Did you mean 'accuracy'?"),
        (["data", "--where", "lr=0.1", "--where", "lr=0.2"],
         "--where 'lr=0.2': lr is given twice; write lr=A,B"),
        (["data", "--nn", "Linaer"], "no results of net 'Linaer'. Did you mean 'Linear'?"),
        (["data", "--nn-prefix", "Lix"], "unknown net name prefix 'Lix'"),
        (["data", "--dataset", "cifar10"],
         "no results of dataset 'cifar10'. Did you mean 'cifar-10'?"),
        (["data", "--metric", "hit"], "no results of metric 'hit'. Did you mean 'hits'?"),
        (["data", "--task", "img-clasification"],
         "no results of task 'img-clasification'. Did you mean 'img-classification'?"),
        (["best", "--net", "Linaer"], "no results of net 'Linaer'. Did you mean 'Linear'?"),
        (["export", "-o", "out.jsonl", "--nn", "Linaer"],
         "no results of net 'Linaer'. Did you mean 'Linear'?"),
    ],
)  # fmt: skip
def test_an_invalid_filter_gives_one_line(db, lemur, tmp_path, arguments, message):
    status, out, errors = lemur(*arguments, "--db", db)
    assert (status, out) == (2, "")
    assert errors.startswith(f"lemur: error: {message}")
    assert errors.count("\n") == 1
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "errors"),
    [
        (["--nn", "Diverges"], "no results of net 'Diverges'; there are Linear, Raises, ResNet\n"),
        (["--dataset", "blobs[samples=9]"],
         "no results of dataset 'blobs[samples=9]'; there are blobs, cifar-10\n"),
        (["--where", "dropout=0"], ""),
        (["--nn", "Linear", "--epoch", 9], ""),
    ],
)  # fmt: skip
def test_installed_entries_without_records_have_no_rows(db, lemur, arguments, errors):
    assert lemur("data", "--db", db, *arguments) == (0, "no such rows\n", errors)


def test_trials_without_epochs_are_named(db, lemur, toys):
    with open_engine(db) as engine:
        writer = Writer(engine, {})
        trial = Trial(pipeline(toys), 4, PRM, 0, 1, uid="abcdef12" * 4)
        writer.finish(writer.begin(trial), Outcome(State.FAILED, (), "broken"))
    line = "1 matching trial has no epoch and no row: lemur show trial abcdef12\n"
    assert lemur("data", "--db", db, "--where", "state=failed") == (0, "no such rows\n", line)
    assert lemur("data", "--db", db, "--where", "state=failed", "--epoch", 1)[2] == ""
    assert lemur("data", "--db", db, "--where", "batch=32")[2] == ""


def test_the_format_follows_from_the_file_name(db, lemur, tmp_path):
    for form, read in (("csv", pd.read_csv), ("xlsx", pd.read_excel)):
        assert lemur("data", "--db", db, "-o", f"out.{form}")[0] == 0
        assert len(read(tmp_path / f"out.{form}")) == 6


@pytest.mark.parametrize(("form", "package"), [("xlsx", "openpyxl"), ("parquet", "pyarrow")])
def test_a_format_whose_package_is_missing_leaves_no_file(
    db, lemur, tmp_path, monkeypatch, form, package
):
    monkeypatch.setitem(sys.modules, package, None)
    status, _, errors = lemur("data", "--db", db, "-o", f"out.{form}")
    line = f"format {form!r}: {package} is not installed; pip install 'lemur-core[formats]'"
    assert (status, errors) == (2, f"lemur: error: {line}\n")
    assert not (tmp_path / f"out.{form}").exists()


def test_the_best_are_shown(db, lemur):
    status, out, _ = lemur("best", "--db", db)
    assert status == 0
    assert [line.split()[0] for line in out.splitlines() if line] == [
        "img-classification_blobs_hits", "net", "Linear", "Raises",
        "img-classification_cifar-10_acc", "net", "ResNet",
    ]  # fmt: skip


def test_a_trial_is_shown_with_all_its_details(db, lemur):
    status, out, _ = lemur("show", "trial", "222", "--db", db)
    assert status == 0
    for text in (
        "img-classification_blobs_hits_Linear",
        "lr = 0.001",
        "f1",
        "class Net",
        "torch 2",
    ):
        assert text in out
    assert f"repeat      lemur reproduce {'2' * 32}" in out
    imported = data(db=db, where={"state": "imported"})["trial"][0]
    status, out, _ = lemur("show", "trial", imported, "--db", db)
    assert status == 0
    assert "reproduce" not in out
    assert "stat" in out
    status, out, errors = lemur("show", "trial", "zz", "--db", db)
    assert (status, out) == (2, "")
    assert errors.startswith("lemur: error: unknown trial 'zz'; there are ")


def test_reading_imports_no_torch(db):
    code = f"import sys, lemur_core; lemur_core.data(db={str(db)!r}); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
