"""Completion in a shell, and the names of the package."""

import json

import pytest
from click.shell_completion import ShellComplete

import lemur_core
from lemur_core.cli import cli
from lemur_core.store import schema

COMPLETED = """
import json, os, sys
os.environ.update(COMP_WORDS={words!r}, COMP_CWORD={number!r}, _LEMUR_COMPLETE="bash_complete")
from lemur_core.cli import main
sys.argv = ["lemur"]
try:
    main()
except SystemExit:
    pass
print(json.dumps(sorted(sys.modules)))
"""


@pytest.fixture
def complete(tmp_path, monkeypatch):
    """Return the completions of the last of some words."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LEMUR_DB", raising=False)

    def items(*words):
        shell = ShellComplete(cli, {}, "lemur", "_LEMUR_COMPLETE")
        return [
            "FILE" if item.type == "file" else item.value
            for item in shell.get_completions(list(words[:-1]), words[-1])
        ]

    return items


@pytest.fixture
def add_trial(engine, db, monkeypatch):
    """Return a function that adds a trial to the database that is the default."""
    monkeypatch.setenv("LEMUR_DB", str(db))

    def add(uid):
        row = {"uid": uid, "task": "t", "dataset": "d", "metric": "m", "nn": "N", "prm": ""}
        with engine.begin() as connection:
            connection.execute(schema.trial.insert().values(row | {"state": "finished"}))

    return add


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["do"], ["doctor"]),
        (["show", "lo"], ["loader"]),
        (["show", "pic"], ["pictures"]),
        (["list", "tran"], ["transform"]),
        (["show", "net", "Li"], ["FILE", "Linear"]),
        (["show", "metric", "h"], ["FILE", "hits"]),
        (["run", "--net", "Ex"], ["FILE", "Exits"]),
        (["run", "--metric", "hits,h"], ["hits,hits"]),
        (["run", "--dataset", "bl"], ["FILE", "blobs"]),
        (["run", "--transform", "pl"], ["FILE", "plain"]),
        (["run", "--estimator", "so"], ["FILE", "soon"]),
        (["run", "--task", "img-c"], ["FILE", "img-classification"]),
        (["run", "img"], ["FILE", "img-classification"]),
        # The dataset "words" serves another task.
        (["run", "img-classification_"],
         ["img-classification_blobs", "img-classification_absent"]),
        (["run", "img-classification_blobs_h"], ["img-classification_blobs_hits"]),
        (["run", "img-classification_blobs_hits_Ta"], ["img-classification_blobs_hits_Tall"]),
        (["run", "img-classification_blobs_hits_Tall_"], []),
    ],
)  # fmt: skip
def test_names_are_completed(complete, words, expected):
    assert complete(*words) == expected


def test_flags_are_still_completed(complete):
    assert complete("--ver") == ["--version"]
    assert complete("show", "net", "Linear", "--sh") == ["--shape"]


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "1f2e", "dig"],
        ["run", "--weights", "dig"],
        ["run", "--points", "po"],
    ],
)
def test_files_are_completed(complete, words):
    assert complete(*words) == ["FILE"]


def test_a_net_to_predict_with_is_a_trial_or_a_file(complete, add_trial):
    add_trial("aa1")
    assert complete("predict", "a") == ["FILE", "aa1"]


@pytest.mark.parametrize(
    "words",
    [
        ["show", "trial"],
        ["reproduce"],
        ["compare"],
        ["run", "--continue"],
        ["trials", "delete"],
        ["trials", "tag", "baseline"],
        ["trials", "note", "a text"],
    ],
)
def test_recorded_trials_are_completed_the_latest_first(
    complete, add_trial, db, words, monkeypatch
):
    for uid in ("aa1", "ab2", "b_3"):
        add_trial(uid)
    monkeypatch.delenv("LEMUR_DB")
    assert complete(*words, "") == []
    if "--continue" not in words:
        assert complete(*words, "--db", str(db), "") == ["b_3", "ab2", "aa1"]
    monkeypatch.setenv("LEMUR_DB", str(db))
    assert complete(*words, "a") == ["ab2", "aa1"]
    assert complete(*words, "b%") == []


@pytest.mark.parametrize("db", ["postgresql://host/db", "missing.db", "damaged.db"])
def test_a_database_that_cannot_be_read_completes_nothing(complete, tmp_path, db):
    (tmp_path / "damaged.db").write_text("no database" * 100)
    assert complete("show", "trial", "--db", db, "") == []
    assert not (tmp_path / "missing.db").exists()
    (tmp_path / "lemur.toml").write_text("damaged")
    assert complete("show", "trial", "") == []


def test_completion_imports_no_large_library(python):
    out = python("-c", COMPLETED.format(words="lemur show trial a", number="3"))
    modules = set(json.loads(out.splitlines()[-1]))
    assert "lemur_core.cli.completion" in modules
    assert not {"numpy", "optuna", "pandas", "sqlalchemy", "torch"} & modules


def test_dir_lists_the_public_names():
    assert dir(lemur_core) == sorted([*lemur_core.__all__, "__version__"])
    assert all(hasattr(lemur_core, name) for name in dir(lemur_core))
