"""Tables that people paste: the best rows, their order, columns and formats."""

import json
import re
from types import SimpleNamespace

import click
import pandas as pd
import pytest

from lemur_core import best, data
from lemur_core.cli.streams import EscapingStream
from lemur_core.cli.table import text_table
from lemur_core.cli.text import display_width, shortened
from lemur_core.errors import LemurError, SettingsError, UnknownNameError
from lemur_core.store import schema
from lemur_core.store.database import open_engine
from lemur_core.store.importing.published import import_results
from lemur_core.store.reading.filters import Filters
from lemur_core.store.reading.markup import latex, latex_text, markdown, markdown_text
from lemur_core.store.reading.printed import PrintedTable
from lemur_core.store.reading.standings import best_epoch, best_trial
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Epoch, Outcome, State, Trial

from .test_store import PRM, pipeline
from .test_taking import FIRST, publish

A, B, C = PRM | {"lr": 0.1}, PRM | {"lr": 0.5, "seed": 5}, PRM | {"lr": "auto"}
# By uid: net, hyperparameters, seed, state, and validation and accuracy of each epoch.
TRIALS = {
    "1": ("Linear", A, 1, State.FINISHED, [(0.5, 0.4), (0.8, 0.7)]),
    "2": ("Linear", A, 2, State.FINISHED, [(0.6, 0.55), (0.7, 0.6)]),
    "3": ("Linear", A, 3, State.FINISHED, [(0.9, 0.5), (0.85, 0.9)]),
    "4": ("Linear", A, 4, State.FAILED, [(0.2, 0.1)]),
    "5": ("Linear", B, 1, State.FINISHED, [(0.3, 0.2), (0.65, 0.95)]),
    "6": ("Raises", C, 1, State.FINISHED, [(0.4, 0.3)]),
}
LINEAR, RAISES = {"nn": "Linear"}, {"nn": "Raises"}
_files = []


@pytest.fixture
def db(toys, tmp_path_factory):
    """The trials of `TRIALS` and an imported one, ResNet on cifar-10; tests only read it."""
    if not _files:
        folder = tmp_path_factory.mktemp("tables")
        with open_engine(folder / "results.db", create=True) as engine:
            writer = Writer(engine, {})
            for number, (uid, trial) in enumerate(TRIALS.items(), 1):
                net, prm, seed, state, scores = trial
                place = pipeline(toys, net)
                user = "ann" if uid in "126" else "bob"
                trial_id = writer.begin(Trial(place, number, prm, seed, 2, uid=uid * 32, user=user))
                for epoch, (validation, accuracy) in enumerate(scores, 1):
                    writer.record(trial_id, Epoch(epoch, 0.5, validation, accuracy, epoch))
                writer.finish(trial_id, Outcome(state, (), ""))
            publish(folder / "stat", 1, [FIRST])
            import_results(engine, folder / "stat")
        _files.append(folder / "results.db")
    return _files[0]


@pytest.fixture
def terminal(lemur, monkeypatch):
    """Run the command line on a terminal of 12 lines."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "12")
    monkeypatch.setattr(EscapingStream, "isatty", lambda stream: True)
    return lemur


def rows(frame):
    """The first digit of each row's trial and its epoch; X is the imported trial."""
    digits = frame["trial"].where(frame["state"] != "imported", "X").str[0]
    return [f"{digit}{epoch}" for digit, epoch in zip(digits, frame["epoch"], strict=True)]


def test_scores_are_averaged_over_the_seeds_of_equal_settings(db):
    row = best(db=db, **LINEAR).iloc[0]
    # The best epochs of trials 1, 2 and 3 are 2, 2 and 1; trial 4 has failed.
    assert rows(best(db=db, **LINEAR)) == ["31"]
    assert row["seeds"] == 3
    assert (row["accuracy_mean"], row["accuracy_std"]) == pytest.approx((0.6, 0.1))
    assert (row["validation_mean"], row["validation_std"]) == pytest.approx((0.8, 0.1))
    [single] = best(db=db, **RAISES).to_dict("records")
    assert (single["seeds"], single["accuracy_mean"]) == (1, 0.3)
    assert pd.isna(single["accuracy_std"])
    dtypes = [str(dtype) for dtype in best(db=db, **RAISES).dtypes]
    assert dtypes[-5:] == ["Int64", *["float64"] * 4]


def test_each_seed_counts_with_its_best_epoch_among_those_that_match(db):
    row = best(db=db, epoch=2, **LINEAR).iloc[0]
    scores = pd.Series([0.7, 0.6, 0.9])
    assert (row["accuracy_mean"], row["accuracy_std"]) == pytest.approx(
        (scores.mean(), scores.std())
    )
    assert best(db=db, where={"seed": [1, 3], "lr": 0.1}).iloc[0]["seeds"] == 2


def test_a_trial_that_did_not_end_counts_alone_and_an_unknown_seed_not_at_all(db):
    row = best(db=db, where={"state": "failed"}).iloc[0]
    assert (row["seeds"], row["accuracy_mean"]) == (1, 0.1)
    row = best(db=db, nn="ResNet").iloc[0]
    assert pd.isna(row["seeds"])
    assert pd.isna(row["accuracy_mean"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, ["31", "61", "X1"]),
        ({"by": "test"}, ["52", "61", "X1"]),
        ({"epoch": 2}, ["32"]),
        ({"epoch": 1, "by": "test"}, ["21", "61", "X1"]),
        ({"top": 2}, ["31", "12", "61", "X1"]),
        ({"top": 9}, ["31", "12", "22", "52", "61", "41", "X1"]),
        ({"per": "dataset"}, ["31", "X1"]),
        ({"per": "net"}, ["31", "61", "X1"]),
        ({"per": "user"}, ["31", "12", "X1"]),
        ({"per": "user", "by": "test"}, ["52", "12", "X1"]),
        ({"per": "trial"}, ["31", "12", "22", "52", "61", "41", "X1"]),
        ({"per": "trial", "by": "test", "max_rows": 2}, ["52", "32", "X1"]),
        ({"top": 3, "per": "dataset", "where": {"lr": 0.1}}, ["31", "12", "22"]),
        ({"sort": "accuracy"}, ["61", "31", "X1"]),
    ],
)
def test_the_best_rows_are_chosen_by_score_epoch_number_and_group(db, arguments, expected):
    assert rows(best(db=db, **arguments)) == expected


def test_data_and_best_choose_the_same_rows(db):
    for arguments in ({"per": "pipeline"}, {"top": 2}, {"per": "dataset", "by": "test"}):
        assert sorted(rows(data(db=db, **arguments))) == sorted(rows(best(db=db, **arguments)))
    assert rows(data(db=db, only_best=True, by="test")) == rows(
        data(db=db, only_best_accuracy=True)
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"by": "test"}, "by='test' selects the best rows; say of what, as in per='pipeline'"),
        ({"by": "loss", "top": 1}, "by='loss': expected validation or test"),
        ({"per": "nett"}, "unknown group 'nett'. Did you mean 'net'?"),
        ({"per": "net", "unique_nn": True},
         "unique_nn and per both say of what the best row is; give only one"),
        ({"top": 0}, "top=0: expected a number of trials, at least 1"),
        ({"top": 2, "per": "trial"},
         "top=2 is a number of trials, and per='trial' gives a row for each; leave out one"),
        ({"only_best_accuracy": True, "by": "validation"},
         "only_best_accuracy selects by test score, by='validation' does not; leave out one"),
        ({"sort": "prm"}, "rows cannot be sorted by 'prm', whose values have no order"),
        ({"sort": "-acuracy"}, "unknown column 'acuracy'. Did you mean 'accuracy'?"),
    ],
)  # fmt: skip
def test_contradictory_arguments_are_refused(db, arguments, line):
    with pytest.raises(LemurError) as raised:
        data(db=db, **arguments)
    assert str(raised.value) == line


def test_hyperparameters_are_columns_by_their_name(db):
    frame = data(db=db, columns=["nn", "lr", "accuracy"], where={"trial": "6"})
    assert frame.to_dict("records") == [{"nn": "Raises", "lr": "auto", "accuracy": 0.3}]
    # The column `seed` is the trial's; the hyperparameter of this name needs the prefix.
    frame = data(db=db, columns=["seed", "prm.seed", "prm.lr"], epoch=1, where={"trial": "5"})
    assert frame.iloc[0].tolist() == [1, 5, 0.5]
    with pytest.raises(UnknownNameError, match=r"^unknown column 'lrr'. Did you mean 'lr'"):
        data(db=db, columns=["lrr"])


def test_rows_are_sorted_with_missing_values_last(db):
    assert rows(data(db=db, sort="-validation", max_rows=3)) == ["31", "32", "12"]
    ascending = data(db=db, sort=["prm.seed", "-accuracy"], columns=["prm.seed", "accuracy"])
    assert ascending["prm.seed"].tolist()[:2] == [5, 5]
    assert ascending["prm.seed"].isna().tolist() == [False] * 2 + [True] * 9
    assert ascending["accuracy"].tolist()[:3] == [0.95, 0.2, 0.9]
    descending = data(db=db, sort="-lr", columns=["lr", "trial"])
    assert descending["lr"].tolist()[:3] == ["auto", 0.5, 0.5]


def test_a_terminal_shows_the_first_page_and_how_many_rows_there_are(db, terminal):
    status, out, _ = terminal("data", "--db", db, "--columns", "nn,epoch")
    lines = out.splitlines()
    assert (status, len(lines)) == (0, 10)
    assert lines[-1] == (
        "8 of 11 rows; --all prints all, --pager pages through them, --limit N prints N"
    )
    for arguments in (["--all"], ["--limit", 11]):
        _, out, _ = terminal("data", "--db", db, "--columns", "nn,epoch", *arguments)
        assert len(out.splitlines()) == 12
    _, out, _ = terminal("data", "--db", db, "--net", "ResNet", "--columns", "lr")
    assert out.split()[-1] == "0.00616682"
    # The best three take a heading and a line each, and an empty line between two datasets.
    _, out, _ = terminal("best", "--db", db, "--no-code")
    assert out.splitlines()[-1].startswith("2 of 3 rows; ")


def test_all_rows_are_written_to_pipes(db, lemur, monkeypatch):
    monkeypatch.setenv("LINES", "5")
    _, out, _ = lemur("data", "--db", db, "--columns", "nn,epoch")
    assert len(out.splitlines()) == 12


def test_a_pager_gets_all_rows_escaped(db, terminal, monkeypatch):
    pages = []
    monkeypatch.setattr("click.echo_via_pager", pages.append)
    assert terminal("data", "--db", db, "--pager")[:2] == (0, "")
    [page] = pages
    assert page.count("Linear") == 9
    assert page == re.sub("[\x00-\x08\x0b-\x1f\ue000]", "", page)
    status, _, errors = terminal("data", "--db", db, "--pager", "-o", "rows.txt")
    line = "--pager shows rows on a terminal; leave it out or --output"
    assert (status, click.unstyle(errors)) == (2, f"lemur: error: {line}\n")


def test_source_code_is_only_printed_if_requested(db, terminal, monkeypatch):
    for arguments in (["--format", "csv"], ["--format", "jsonl"], ["--all"]):
        for command in ("data", "best"):
            assert "class Net" not in terminal(command, "--db", db, *arguments)[1]
    _, out, _ = terminal("data", "--db", db, "--all", "--code")
    headings = re.findall("^(?:net|metric|transform) .*", click.unstyle(out), re.MULTILINE)
    assert [text for text in headings if "  " not in text] == [
        "net Linear", "net Raises", "metric hits", "transform plain",
    ]  # fmt: skip
    assert "class Net" in out
    assert "class Net" in terminal("best", "--db", db, "--format", "csv", "--code")[1]
    monkeypatch.setattr(EscapingStream, "isatty", lambda stream: False)
    assert "class Net" in terminal("data", "--db", db, "--format", "csv")[1]
    assert "class Net" not in terminal("data", "--db", db, "--format", "csv", "--no-code")[1]


def test_the_best_table_states_mean_deviation_and_number_of_seeds(db, lemur):
    status, out, errors = lemur("best", "--db", db)
    lines = out.splitlines()
    assert status == 0
    assert lines[1].split("  ")[0] == "net"
    assert re.search("mean accuracy +n ", lines[1])
    assert re.search(r"0\.5000 +0\.9000 +0\.6000 ± 0\.1000 +3 ", lines[2])
    assert errors == "1 row has no validation score: ranked by the test score\n"
    assert lemur("data", "--db", db, "--best", "--epoch", 1)[2] == errors
    assert lemur("data", "--db", db, "--epoch", 1)[2] == ""
    assert "mean" not in lemur("best", "--db", db, "--net", "Raises")[1]
    assert lemur("best", "--db", db, "--by", "test", "--columns", "nn,accuracy,lr")[:2] == (
        0, "nn      accuracy  lr\nLinear      0.95  0.5\nRaises       0.3  auto\n"
        f"ResNet      0.75  {FIRST['lr']}\n",
    )  # fmt: skip


def test_the_best_table_of_each_user_names_the_users(db, lemur):
    bob, ann = ["bob", "33333333"], ["ann", "11111111"]
    # data keeps the order in which rows were recorded.
    for command, expected in (("best", [bob, ann]), ("data", [ann, bob])):
        _, out, _ = lemur(command, "--db", db, "--per", "user", "--net", "Linear")
        _, header, *rows = out.splitlines()
        assert header.split()[:3] == ["net", "user", "trial"]
        assert [row.split()[1:3] for row in rows] == expected
    assert "user" not in lemur("best", "--db", db)[1].split()
    _, out, _ = lemur(
        "best", "--db", db, "--per", "user", "--columns", "nn,user", "--net", "Linear"
    )
    assert out.split() == ["nn", "user", "Linear", "bob", "Linear", "ann"]
    table = lemur("best", "--db", db, "--per", "user", "--net", "Linear", "--format", "markdown")[1]
    assert table.splitlines()[0].split()[-2] == "user"


def test_the_best_table_says_which_trials_were_not_trained_to_the_end(db, lemur):
    assert "state" not in lemur("best", "--db", db)[1].split()
    _, out, _ = lemur("best", "--db", db, "--where", "seed=4")
    _, header, row = out.splitlines()
    assert header.split()[:4] == ["net", "trial", "epoch", "state"]
    assert row.split()[:4] == ["Linear", "44444444", "1", "failed"]


def test_a_table_has_a_column_for_each_hyperparameter_if_requested(db, lemur):
    _, out, _ = lemur("best", "--db", db, "--net", "Linear", "--prm-as-columns")
    _, header, row = out.splitlines()
    cells = dict(zip(re.split("  +", header), re.split("  +", row), strict=True))
    assert {name: cells[name] for name in A} == {name: str(value) for name, value in A.items()}
    assert "hyperparameters" not in cells


def test_the_best_rows_are_written_as_markdown_and_latex(db, lemur, tmp_path):
    arguments = ("best", "--db", db, "--metric", "hits")
    _, out, _ = lemur(*arguments, "--format", "markdown:digits=2")
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in out.splitlines()]
    assert cells[0] == [
        "dataset", "metric", "net", "test", "validation", "n", "epoch", "hyperparameters",
    ]  # fmt: skip
    assert cells[2][:7] == ["blobs", "hits", "Linear", "0.60 ± 0.10", "0.80 ± 0.10", "3", "1"]
    assert cells[3][:7] == ["blobs", "hits", "Raises", "0.30", "0.40", "1", "1"]
    assert out.endswith(
        "\n\nMean ± sample standard deviation over n seeds, a single score where n is 1.\n"
    )
    assert r"Linear & 0.60 $\pm$ 0.10 &" in lemur(*arguments, "--format", "latex:digits=2")[1]
    assert lemur(*arguments, "-o", "best.tex", "--columns", "nn,lr,accuracy")[0] == 0
    assert (tmp_path / "best.tex").read_text() == "\n".join([
        r"% needs \usepackage{booktabs}", r"\begin{tabular}{llr}", r"\toprule",
        r"nn & lr & accuracy \\", r"\midrule", r"Linear & 0.1 & 0.5000 \\",
        r"Raises & auto & 0.3000 \\", r"\bottomrule", r"\end{tabular}", "",
    ])  # fmt: skip
    assert lemur("data", "--db", db, "-o", "rows.md", "--prm-as-columns")[0] == 0
    header = (tmp_path / "rows.md").read_text().splitlines()[0]
    names = [name.strip() for name in header.split("|")[1:-1]]
    assert names[:6] == ["dataset", "metric", "net", "test", "validation", "epoch"]
    assert {"lr", "batch", "patch_size"} < set(names)
    status, _, errors = lemur(*arguments, "--format", "latex:digits=99")
    assert (status, errors) == (2, "lemur: error: digits=99: expected a number from 0 to 17\n")


def test_tables_without_rows_have_their_headers(db, lemur):
    _, out, errors = lemur("best", "--db", db, "--net", "Tall", "--format", "markdown")
    assert [line.count("|") for line in out.splitlines()] == [7, 7]
    assert errors == "no results of net 'Tall'; there are Linear, Raises, ResNet\n"
    assert r"\midrule" in lemur("data", "--db", db, "--net", "Tall", "--format", "latex")[1]


def test_text_has_no_meaning_in_markdown_and_latex():
    table = PrintedTable(["a|b"], [["x|y"], ["[z]"]], [False], False)
    lines = [r"| a\|b  |", "| ----- |", r"| x\|y  |", r"| \[z\] |"]
    assert markdown(table).splitlines() == lines
    assert latex_text("a_b & 5% #1 $x$ {y} ~ ^ \\ --") == (
        r"a\_b \& 5\% \#1 \$x\$ \{y\} \textasciitilde{} \textasciicircum{} \textbackslash{} -{}-"
    )
    assert r"{[}z{]} \\" in latex(table)
    assert markdown_text("_x_ a_b <i> `c`") == r"\_x\_ a_b \<i\> \`c\`"


def test_the_best_epoch_of_all_is_by_validation_and_trainable(db):
    with open_engine(db) as engine, engine.connect() as connection:
        assert best_epoch(connection, Filters())[1:] == (
            "img-classification_blobs_hits_Linear", 1, 0.9, 0.5, None,
        )  # fmt: skip
        assert best_epoch(connection, Filters(trial=RAISES)).uid == "6" * 32
        imported = best_epoch(connection, Filters(trial={"nn": "ResNet"}))
        assert imported.validation is None
        assert best_trial(connection, imported.pipeline) == imported.uid
        with pytest.raises(SettingsError, match=r"^there is no best trial: no results match$"):
            best_epoch(connection, Filters(trial={"nn": "Tall"}))


def test_scores_of_several_datasets_have_no_best_epoch(db):
    trial = schema.trial.c
    with open_engine(db) as engine, engine.begin() as connection:
        connection.execute(
            schema.trial.update().where(trial.nn == RAISES["nn"]).values(dataset="spots")
        )
        with pytest.raises(SettingsError) as raised:
            best_epoch(connection, Filters())
        assert str(raised.value) == (
            "there is a best trial of each of img-classification_blobs_hits, "
            "img-classification_spots_hits, as their scores cannot be compared; choose with "
            "--task, --dataset and --metric"
        )
        assert best_epoch(connection, Filters(trial={"dataset": "blobs"})).validation == 0.9


def test_the_best_trial_is_reproduced(db, lemur, monkeypatch):
    def repeat(recorded, *arguments):
        repeated.append(recorded.facts["uid"])
        outcome = Outcome(State.FINISHED, ())
        return SimpleNamespace(differences=(), changed=(), outcome=outcome, same=True)

    repeated = []
    monkeypatch.setattr("lemur_core.reproduction.reproduce.reproduce", repeat)
    status, out, _ = lemur("reproduce", "best", "--db", db, "--net", "Linear")
    pipeline_name = "img-classification_blobs_hits_Linear"
    assert (status, out) == (
        0,
        f"trial {'3' * 32}: epoch 1 of {pipeline_name}, validation 0.9000, test 0.5000\nthe same\n",
    )
    assert repeated == ["3" * 32]
    status, out, errors = lemur("reproduce", "3", "--db", db, "--net", "Linear")
    line = "filters choose among trials, and '3' is one; write best instead"
    assert (status, out, errors) == (2, "", f"lemur: error: {line}\n")


def test_json_of_the_best_has_their_order(db, lemur):
    _, out, _ = lemur("best", "--db", db, "--top", 2, "--format", "jsonl", "--limit", 2)
    best_rows = [json.loads(line) for line in out.splitlines()]
    assert [row["trial"][0] for row in best_rows[:2]] == ["3", "1"]
    status, out, errors = lemur("best", "--db", db, "--format", "lemur", "-o", "folder")
    assert (status, out) == (2, "")
    line = "exporter 'lemur' does not take the rows of lemur best"
    assert errors == f"lemur: error: {line}\n"
    line = "--by selects the best rows; add --best, --per or --top"
    assert lemur("data", "--db", db, "--by", "test") == (2, "", f"lemur: error: {line}\n")


def test_wide_characters_take_two_columns():
    table = text_table(["class", "n"], [["苹果", "1"], ["تفاحة", "20"], ["👩‍👩‍👧", "3"]])
    assert table.split("\n") == ["class   n", "苹果    1", "تفاحة  20", "👩‍👩‍👧      3"]
    table = text_table(["class", "苹果", "n"], [["苹果", "1", "2"]])
    assert table.split("\n") == ["class  苹果  n", "苹果      1  2"]


@pytest.mark.parametrize("width", range(4, 12))
def test_shortened_text_fits(width):
    for text in ("苹果和香蕉和梨", "img-classification", "a苹b果c"):
        short = shortened(text, width)
        assert display_width(short) <= width
        assert short == text or "..." in short
