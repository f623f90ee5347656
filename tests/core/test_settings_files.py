"""The settings files of the user and of a project."""

import os
from pathlib import Path

import pytest

import lemur_core.campaign.plan
from lemur_core.cli.flags import settings_of
from lemur_core.settings_files import NAME, setting, settings_files, user_file


@pytest.fixture
def user(tmp_path, monkeypatch):
    """The path of the user's file."""
    path = tmp_path / "home" / NAME
    path.parent.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("LEMUR_CONFIG", str(path))
    for name in ("LEMUR_DB", "LEMUR_DATA", "LEMUR_USER"):
        monkeypatch.delenv(name, raising=False)
    path.write_text("")
    return path


@pytest.fixture
def project(tmp_path, monkeypatch, user):
    """The path of the project's file, two folders above the working directory."""
    folder = tmp_path / "project"
    (folder / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(folder / "a" / "b")
    return folder / NAME


@pytest.fixture
def planned(monkeypatch):
    """The settings of the campaigns that ``lemur run --dry-run`` planned."""
    seen, plan = [], lemur_core.campaign.plan.plan
    monkeypatch.setattr(
        lemur_core.campaign.plan,
        "plan",
        lambda settings, registry: seen.append(settings) or plan(settings, registry),
    )
    return seen


@pytest.fixture
def command(lemur, monkeypatch, project):
    """Run a command below the project's folder."""
    monkeypatch.chdir(project.parent / "a" / "b")
    return lemur


def test_flags_then_environment_then_project_then_user_then_built_in(
    command, project, user, planned, monkeypatch
):
    def db(*flags):
        assert command("run", "--dataset", "blobs", "--dry-run", *flags)[0] == 0
        return planned[-1].db

    assert db() == "lemur.db"
    user.write_text('db = "mine.db"\n')
    assert db() == str(user.parent / "mine.db")
    project.write_text('db = "ours.db"\n')
    assert db() == str(project.parent / "ours.db")
    Path("study.toml").write_text('db = "study.db"\n')
    assert db("study.toml") == "study.db"
    monkeypatch.setenv("LEMUR_DB", "environment.db")
    assert db() == "environment.db"
    assert db("study.toml") == "environment.db"
    assert db("--db", "flag.db") == "flag.db"


def test_defaults_of_run_are_merged_by_name(project, user):
    user.write_text('[run]\nepochs = 7\ntrials = 9\nlr = "0.1..0.2"\n[run.prm]\nwidth = 2\n')
    project.write_text('[run]\ntrials = 4\nmomentum = 0.5\nnet = "Linear"\n')
    settings = settings_of({}, ())
    assert (settings.epochs, settings.trials, settings.net) == (7, 4, ("Linear",))
    assert settings.prm == {"lr": "0.1..0.2", "width": 2, "momentum": 0.5}
    Path("study.toml").write_text("epochs = 1\nlr = 0.3\n")
    settings = settings_of({"patterns": ("study.toml",), "trials": 2}, {"trials"})
    assert (settings.epochs, settings.trials) == (1, 2)
    assert settings.prm == {"lr": 0.3, "width": 2, "momentum": 0.5}


def test_defaults_of_the_search_do_not_apply_to_points(project, tmp_path):
    project.write_text('[run]\ntrials = 4\nsampler = "Random"\nepochs = 2\n')
    Path("points.jsonl").write_text('{"lr": 0.1}\n')
    settings = settings_of({"points": "points.jsonl"}, {"points"})
    assert (settings.trials, settings.epochs, len(settings.points)) == (3, 2, 1)


def test_the_nearest_project_file_counts(project, tmp_path):
    project.write_text('data = "far"\n')
    Path(NAME).write_text('data = "near"\n')
    assert setting("data") == str(Path.cwd() / "near")
    assert next(file.path for file in settings_files()) == Path.cwd() / NAME


def test_paths_start_at_the_folder_of_the_file_and_urls_are_kept(project):
    project.write_text('db = "postgresql://me@host/results"\ndata = "~/data"\n')
    assert setting("db") == "postgresql://me@host/results"
    assert setting("data") == os.path.expanduser("~/data")
    project.write_text('db = "/results/all.db"\n')
    assert setting("db") == "/results/all.db"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('dta = "x"', "unknown setting 'dta'. Did you mean 'data'?"),
        ("data = 3", "data is 3; expected a string"),
        ("epochs = 3", "epochs belongs under [run]; expected db, data"),
        ("run = 3", "run is 3; expected a table, [run]"),
        ('[run]\nepochs = "3"', "epochs is '3'; expected an integer"),
        ("[run]\nepoch = 3", "unknown setting 'epoch'. Did you mean 'epochs'"),
        ('[run]\nlr = "1..0"', "lr=1..0: runs backwards; expected the smaller number first"),
        ('[run]\ndb = "x"', "db stands above [run]"),
        ('[run]\npatterns = "x"', "patterns cannot be a default"),
    ],
)
def test_a_fault_is_one_line_that_names_the_file(command, project, text, fault):
    project.write_text(f"{text}\n")
    status, out, err = command("best")
    assert (status, out) == (2, "")
    assert err.startswith(f"lemur: error: settings file {str(project)!r}: {fault}")
    assert err.count("\n") == 1


def test_a_damaged_or_unreadable_file_is_one_line(command, project, user):
    project.write_bytes(b"db = \xff")
    status, _, err = command("list", "collections")
    assert (status, err.count("\n")) == (2, 1)
    assert err.startswith(f"lemur: error: settings file {str(project)!r} is not TOML: ")
    project.unlink()
    project.mkdir()
    status, _, err = command("doctor", "--no-torch")
    assert (status, err) == (
        2, f"lemur: error: settings file {str(project)!r}: Is a directory\n"
    )  # fmt: skip
    project.rmdir()
    user.unlink()
    status, _, err = command("doctor", "--no-torch")
    assert (status, err) == (
        2, f"lemur: error: settings file {str(user)!r}: No such file or directory\n"
    )  # fmt: skip


def test_doctor_lists_the_files_and_what_they_set(command, project, user):
    project.write_text('db = "postgresql://me:secret@host/db"\n[run]\nepochs = 3\n')
    status, out, _ = command("doctor", "--no-torch")
    assert status == 0
    lines = [line for line in out.splitlines() if line.startswith("settings")]
    assert lines == [
        f"settings    {project}: db=postgresql://me:***@host/db, run.epochs=3",
        f"settings    {user}: sets nothing",
    ]


def test_without_files_doctor_says_where_they_would_be(command, monkeypatch, user, tmp_path):
    monkeypatch.delenv("LEMUR_CONFIG")
    assert user_file().name == NAME
    _, out, _ = command("doctor", "--no-torch")
    assert f"settings    no file (lemur.toml in this folder or above it, or {user_file()})" in out


def test_help_does_not_read_the_files(command, project):
    project.write_text("damaged")
    status, out, _ = command("best", "--help")
    assert status == 0
    assert "[env var: LEMUR_DB; default: (lemur.db)]" in " ".join(out.split())
