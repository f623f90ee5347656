"""Exporters write what was selected, whole or not at all, and ignore nothing."""

import json
import sys

import pandas as pd
import pytest
from sqlalchemy import create_engine

from lemur_core import Entry, collect, registry
from lemur_core.errors import (
    ContractError,
    LemurError,
    PluginError,
    SettingsError,
    UnknownNameError,
    WriteError,
)  # fmt: skip
from lemur_core.kinds.exporter import exporter, write
from lemur_core.options import Selection, read_selection
from lemur_core.store.database import open_engine
from lemur_core.store.importing.published import import_results
from lemur_core.store.reading.results import Results

RESNET, ALEXNET = (f"img-classification_cifar-10_acc_{net}" for net in ("ResNet", "AlexNet"))


def record(accuracy, lr):
    return {"accuracy": accuracy, "batch": 32, "duration": 10, "lr": lr, "transform": "echo"}


# By pipeline and epoch.
PUBLISHED = {
    (RESNET, 1): [record(0.5, 0.1), record(0.25, 0.2)],
    (RESNET, 2): [record(0.75, 0.1), record(0.375, 0.2)],
    (ALEXNET, 1): [record(0.125, 0.1)],
}


@pytest.fixture
def db(tmp_path):
    for (pipeline, epoch), records in PUBLISHED.items():
        file = tmp_path / "stat" / pipeline / f"{epoch}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(records))
    with open_engine(tmp_path / "lemur.db", create=True) as engine:
        import_results(engine, tmp_path / "stat")
    return tmp_path / "lemur.db"


@pytest.fixture
def engine(db):
    with open_engine(db) as engine:
        yield engine


def accuracies(frame):
    return sorted(frame["accuracy"])


def test_an_exporter_reads_what_the_user_selected(engine):
    assert accuracies(Results(engine).frame()) == [0.125, 0.25, 0.375, 0.5, 0.75]
    assert accuracies(Results(engine, {"nn": "ResNet", "epoch": 2}).frame()) == [0.375, 0.75]
    assert list(Results(engine, {"nn_prefixes": ["Alex"]}).best()["accuracy"]) == [0.125]
    assert list(Results(engine).best()["nn"]) == ["ResNet", "AlexNet"]


def test_an_exporters_filters_narrow_the_users(engine):
    results = Results(engine, {"nn": "ResNet", "where": {"lr": (0.15, None)}})
    assert accuracies(results.frame()) == [0.25, 0.375]
    assert accuracies(results.frame(epoch=1)) == [0.25]
    assert accuracies(results.frame(where={"accuracy": (0.3, 1.0)})) == [0.375]
    # Both must be met, also if they are of the same name.
    assert accuracies(results.frame(nn="AlexNet")) == []
    assert accuracies(results.frame(where={"lr": 0.1})) == []


def test_rows_are_given_as_the_user_asks(engine):
    results = Results(engine, {"only_best": True, "columns": ["nn", "accuracy"], "max_rows": 2})
    frame = results.frame()
    assert list(frame.columns) == ["nn", "accuracy"]
    assert accuracies(frame) == [0.5, 0.75]
    assert len(results.frame(max_rows=1)) == 1
    assert len(results.frame(max_rows=5)) == 2
    assert results.rows == 2 + 1 + 2


def test_an_exporter_cannot_overrule_the_user(engine):
    results = Results(engine, {"columns": ["nn"]}, spelling={"columns": "--columns"})
    with pytest.raises(SettingsError) as raised:
        results.frame(columns=["accuracy"])
    assert str(raised.value) == "the exporter sets columns itself; leave out --columns"


def test_a_trial_is_found_by_the_beginning_of_its_id(engine):
    uid = Results(engine).frame(nn="AlexNet")["trial"].iloc[0]
    assert Results(engine).trial(uid[:8]).pipeline == ALEXNET
    with pytest.raises(UnknownNameError):
        Results(engine).trial("none")


def test_a_collection_is_read_and_its_rows_are_narrowed(engine, db):
    frame = Results(engine).frame()
    uids = list(dict.fromkeys(frame["trial"]))
    collect("zoo", uids[:2], spec={"width": 8}, db=db)
    results = Results(engine)
    assert results.collection("zoo").spec == {"width": 8}
    assert [member.trial for member in results.collection("zoo").members] == uids[:2]
    assert {*results.frame(collection="zoo")["trial"]} == {*uids[:2]}
    users = Results(engine, {"collection": "zoo", "epoch": 1})
    assert list(users.frame()["role"]) == ["member", "member"]
    assert {*users.frame(where={"trial": uids[1]})["trial"]} == {uids[1]}
    assert users.frame(where={"trial": uids[2]}).empty
    with pytest.raises(UnknownNameError):
        results.collection("zoos")


def test_mistaken_arguments_are_reported_before_anything_is_read(engine):
    with pytest.raises(SettingsError, match="only_best selects by validation score"):
        Results(engine, {"only_best": True, "only_best_accuracy": True})


def test_progress_and_warnings_reach_the_user(engine):
    shown = []
    results = Results(engine, progress=lambda *args: shown.append(args), warn=shown.append)
    results.progress(1, 3)
    results.progress(2)
    results.warn("a column was cut")
    assert shown == [(1, 3), (2, None), "a column was cut"]


def test_results_say_what_was_selected_and_where_they_are(engine, db):
    results = Results(engine, {"nn": "ResNet", "epoch": None}, command="lemur report")
    assert dict(results.arguments) == {"nn": "ResNet"}
    assert (results.database, results.command) == (str(db), "lemur report")
    # Whoever only says what was selected has not applied it.
    with pytest.raises(SettingsError, match="exporter 'x' does not take nn"):
        results.check_used("exporter 'x'")
    assert (Results(engine).arguments, Results(engine).command) == ({}, "")


def test_the_password_of_a_database_is_not_said():
    server = create_engine("postgresql+psycopg://me:secret@host/results?password=other")
    assert Results(server).database == "postgresql+psycopg://me:***@host/results?password=***"


def test_the_command_line_is_said_without_passwords(db, lemur, monkeypatch):
    said = []

    def export(results, path):
        said.append(results.command)
        path.touch()

    monkeypatch.setattr("lemur_core.kinds.exporter.exporter", lambda *_: export)
    url = f"sqlite:///file:{db}?uri=true&password=secret"
    assert lemur("data", "--format", "csv", "--db", url, "-o", "a b.csv") == (0, "", "")
    shown = f"'sqlite:///file:{db}?uri=true&password=***'"
    assert said == [f"lemur data --format csv --db {shown} -o 'a b.csv'"]


def written(results, path, export):
    return write(export, "x", results, path)


def test_what_an_exporter_writes_replaces_what_was_there(engine, tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("before")

    def export(results, path):
        path.write_text(f"{len(results.frame())} rows")
        path.with_name("beside.txt").write_text("more")
        return "five rows"

    assert written(Results(engine), path, export) == "five rows"
    assert path.read_text() == "5 rows"
    assert (tmp_path / "beside.txt").read_text() == "more"


def folder(results, path):
    (path / "deep").mkdir(parents=True)
    (path / "deep" / "one.txt").write_text("1")


@pytest.mark.parametrize("there", [False, True])
def test_an_exporter_may_write_a_folder(engine, tmp_path, there):
    path = tmp_path / "out"
    if there:
        path.mkdir()
    written(Results(engine), path, folder)
    assert (path / "deep" / "one.txt").read_text() == "1"


def test_a_folder_replaces_neither_a_full_one_nor_a_file(engine, tmp_path):
    path = tmp_path / "out"
    path.write_text("before")
    with pytest.raises(WriteError, match="is a file; name a folder"):
        written(Results(engine), path, folder)
    assert path.read_text() == "before"
    full = tmp_path / "full"
    (full / "kept").mkdir(parents=True)
    with pytest.raises(WriteError, match="is not empty; name another folder"):
        written(Results(engine), full, folder)
    assert [file.name for file in full.iterdir()] == ["kept"]
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(WriteError, match="is a directory; name a file"):
        written(Results(engine), empty, lambda results, path: path.write_text("x") and None)


def half(error):
    def export(results, path):
        path.mkdir()
        (path / "half").write_text("half")
        raise error

    return export


@pytest.mark.parametrize(
    ("export", "kind", "line"),
    [
        (half(ValueError("of\ntwo lines")), PluginError, "exporter 'x' failed: ValueError: of"),
        (half(SystemExit("bye")), PluginError, "exporter 'x' failed: SystemExit: bye"),
        (half(MemoryError()), PluginError, "exporter 'x' failed: MemoryError: "),
        (
            half(ModuleNotFoundError("no", name="plotly")),
            SettingsError,
            "exporter 'x' needs plotly, which is not installed",
        ),
        (half(OSError(28, "No space left on device")), WriteError, "No space left on device"),
        (half(SettingsError("theme is 'x'")), SettingsError, "theme is 'x'"),
        (lambda results, path: None, PluginError, "exporter 'x' wrote no out"),
        (
            lambda results, path: path.write_text("x"),
            ContractError,
            "exporter 'x' returns int; expected text or None",
        ),
        (lambda results: None, PluginError, "exporter 'x' failed: TypeError: "),
    ],
)  # fmt: skip
def test_an_exporter_that_fails_is_one_line_and_leaves_nothing(
    engine, tmp_path, export, kind, line
):
    path = tmp_path / "place" / "out"
    path.parent.mkdir()
    with pytest.raises(kind) as raised:
        written(Results(engine), path, export)
    assert isinstance(raised.value, LemurError)
    assert line in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "export", "line"),
    [
        (
            {"nn": "ResNet", "epoch": 1},
            lambda results, path: path.write_text("x") and None,
            "exporter 'x' does not take --nn, epoch",
        ),
        (
            {"only_best": True},
            lambda results, path: path.write_text(str(results.best())) and None,
            "exporter 'x' does not take only_best",
        ),
        (
            {"nn": "ResNet", "columns": ["nn"]},
            lambda results, path: path.write_text(str(results.filters)) and None,
            "exporter 'x' does not take columns",
        ),
    ],
)
def test_what_an_exporter_does_not_take_is_refused(engine, tmp_path, arguments, export, line):
    results = Results(engine, arguments, spelling={"nn": "--nn"})
    with pytest.raises(SettingsError) as raised:
        written(results, tmp_path / "out", export)
    assert str(raised.value) == line
    assert not (tmp_path / "out").exists()


def test_what_says_nothing_need_not_be_taken(engine, tmp_path):
    nothing = {"nn": None, "nn_prefixes": (), "where": {}, "only_best": False, "max_rows": None}
    results = Results(engine, nothing)
    written(results, tmp_path / "out", lambda results, path: path.write_text("x") and None)


THIRD = """
def html(results, path, *, theme="light", wide=False):
    path.write_text(f"{theme} {wide} {len(results.frame())}")

def deep(results, path, *, depth): ...

three = 3
"""


@pytest.fixture
def third(toys, tmp_path, monkeypatch):
    """What is installed, with exporters of a third party."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "third_exporters.py").write_text(THIRD)
    monkeypatch.syspath_prepend(tmp_path / "code")
    entries = [Entry(name, f"third_exporters:{name}") for name in ("html", "deep", "three")]
    more = toys.with_entries("third", "exporter", entries)
    with monkeypatch.context() as patch:
        patch.setattr(registry, "installed", lambda: more)
        yield more
    sys.modules.pop("third_exporters", None)


def test_options_are_given_as_the_user_writes_them(engine, tmp_path, third):
    export = exporter(third, read_selection("exporter", "html:theme=dark,wide=yes"))
    written(Results(engine), tmp_path / "out", export)
    assert (tmp_path / "out").read_text() == "dark True 5"


EXPECTED = "expected NAME or NAME:OPTION=VALUE,OPTION=VALUE"
HAS_NO = "exporter 'html' has no option"


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        ("htm", UnknownNameError, "unknown exporter 'htm'. Did you mean 'html'?"),
        ("html:them=", SettingsError, f"exporter 'html:them=': {EXPECTED}"),
        ("html:themes=x", SettingsError, f"{HAS_NO} 'themes'. Did you mean 'theme'?"),
        ("html:wide=2", SettingsError, "exporter html: wide is '2'; expected yes or no"),
        ("csv:x=1", SettingsError, "exporter 'csv' has no option 'x'; it has no options"),
    ],
)  # fmt: skip
def test_a_mistaken_exporter_is_one_line(third, text, kind, line):
    with pytest.raises(kind) as raised:
        exporter(third, read_selection("exporter", text))
    assert str(raised.value) == line


def test_a_target_that_is_no_exporter_is_refused(third):
    with pytest.raises(ContractError, match="its option 'depth' has no default that is a bool"):
        exporter(third, Selection("deep"))
    with pytest.raises(ContractError, match="exporter 'three': its target cannot be called"):
        exporter(third, Selection("three"))


def test_commands_write_with_an_exporter_of_a_plugin(db, lemur, third, tmp_path):
    assert lemur("data", "--db", db, "--format", "html:theme=dark", "--epoch", "2") == (
        0, "dark False 2", "",
    )  # fmt: skip
    # A file's suffix names the exporter.
    assert lemur("data", "--db", db, "-o", "page.html", "--net", "AlexNet") == (0, "", "")
    assert (tmp_path / "page.html").read_text() == "light False 1"
    assert lemur("export", "--db", db, "--format", "html", "-o", "page.html")[:2] == (
        0, "wrote page.html, 13 B\n",
    )  # fmt: skip


def test_every_built_in_exporter_is_asked_by_both_commands(db, lemur, tmp_path):
    names = list(registry.installed().names("exporter"))
    assert names == ["csv", "json", "jsonl", "parquet", "xlsx", "markdown", "latex", "lemur"]
    for name in names:
        for command in ("data", "export"):
            status, _, err = lemur(command, "--db", db, "--format", name, "-o", f"{command}.{name}")
            assert status == 0, err
    assert sorted(pd.read_csv(tmp_path / "export.csv")["accuracy"]) == [
        0.125, 0.25, 0.375, 0.5, 0.75,
    ]  # fmt: skip
    back = {
        (file.parent.name, int(file.stem)): json.loads(file.read_text())
        for file in (tmp_path / "data.lemur").rglob("*.json")
    }
    assert back == PUBLISHED


def test_what_a_format_cannot_take_is_refused_by_the_commands(db, lemur, tmp_path):
    files = ["data", "--db", db, "--format", "lemur"]
    assert lemur(*files, "--columns", "nn", "-o", "out")[::2] == (
        2, "lemur: error: exporter 'lemur' does not take --columns\n",
    )  # fmt: skip
    assert lemur(*files, "--best", "-o", "out")[::2] == (
        2, "lemur: error: exporter 'lemur' does not take --best\n",
    )  # fmt: skip
    assert lemur("export", "--db", db, "--format", "csv", "--all", "-o", "out")[::2] == (
        2, "lemur: error: exporter 'csv' has no option 'every'; it has no options\n",
    )  # fmt: skip
    assert lemur(*files)[::2] == (
        2, "lemur: error: format 'lemur' writes a folder; name it with --output\n",
    )  # fmt: skip
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [[], ["--format", "jsonl-code:every=yes"]])
def test_a_format_of_a_plugin_that_is_missing_says_what_to_install(
    db, lemur, arguments, monkeypatch
):
    monkeypatch.setattr("lemur_core.plugin_names.find_spec", lambda package: None)
    assert lemur("export", "--db", db, "-o", "out", *arguments) == (
        2, "",
        "lemur: error: exporter 'jsonl-code' needs the plugin lemur-check: pip install "
        "lemur-check\n",
    )  # fmt: skip
