"""Loaders, metrics, transforms, estimators and exporters that are single files."""

import hashlib
from pathlib import Path

import pytest

import lemur_core
from lemur_core.campaign.plan import plan
from lemur_core.errors import LemurError
from lemur_core.events import StudyStarted, Warned
from lemur_core.file_code import read_code
from lemur_core.file_entry import file_entry
from lemur_core.scaffold.package import SINGLE
from lemur_core.settings import Settings

METRIC = """
class Hits:
    def __init__(self, out_shape): ...
    def reset(self): ...
    def update(self, outputs, targets): ...
    def compute(self): return 0.5
"""
TASKS = 'TASKS = ("img-classification",)\n'


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def digest(file):
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()[:8]


def test_files_from_templates_run_at_once_and_an_edited_metric_is_another_one(lemur, here):
    for kind in SINGLE:
        status, out, err = lemur("new", kind, f"my_{kind}")
        assert (status, err) == (0, "")
        assert out.splitlines()[0] == f"  my_{kind}.py"
        assert f"my_{kind}.py" in out.splitlines()[2]

    def run():
        events = []
        lemur_core.run(
            dataset="my_loader.py[samples=60]",
            metric="my_metric.py,hits",
            transform="my_transform.py",
            estimator="my_estimator.py:patience=5",
            net="my_net.py",
            trials=1, epochs=1, seed=3, threads=1, in_process=True, watch=events.append,
        )  # fmt: skip
        return events

    run()
    first_metric = f"my-metric@{digest('my_metric.py')}"
    [row] = lemur_core.data().to_dict("records")
    assert row["dataset"] == f"my-loader@{digest('my_loader.py')}[samples=60]"
    assert row["metric"] == first_metric
    assert row["metric_code"] == Path("my_metric.py").read_text()
    assert row["prm"]["transform"] == f"my-transform@{digest('my_transform.py')}"
    assert row["transform_code"] == Path("my_transform.py").read_text()
    assert row["scores"].keys() == {"hits"}

    Path("my_metric.py").write_text(
        Path("my_metric.py").read_text().replace(").mean()", ").amin()")
    )
    events = run()
    [started] = [event for event in events if isinstance(event, StudyStarted)]
    assert (started.done, started.planned) == (0, 1)
    assert [event.message for event in events if isinstance(event, Warned)] == [
        "dataset 'my-loader' or metric 'my-metric' was edited: 1 trial of this database used "
        "other code and is not counted"
    ]
    frame = lemur_core.data(only_best=True)
    assert sorted(frame["metric"]) == sorted([first_metric, f"my-metric@{digest('my_metric.py')}"])
    status, out, err = lemur("data", "--format", "my_exporter.py:digits=2", "-o", "page.html")
    assert (status, err) == (0, "")
    assert "<table" in Path("page.html").read_text()

    # A recorded trial needs none of the files, and keeps the metric that it was scored with.
    for file in here.glob("my_*.py"):
        file.unlink()
    status, out, err = lemur("reproduce", row["trial"])
    assert (status, err) == (0, "")
    assert out.endswith("the same\n")


def test_a_file_is_named_after_itself_and_the_digest_of_its_code(here):
    Path("top_3.py").write_text(METRIC)
    entry = file_entry("metric", "top_3.py")
    assert entry.name == f"top-3@{digest('top_3.py')}"
    assert entry.target == f"{here / 'top_3.py'}:Hits"
    assert entry.source() == METRIC
    # The entry keeps the code that was read.
    Path("top_3.py").write_text("raise ValueError")
    assert entry.load().__name__ == "Hits"


def test_code_beside_the_file_is_part_of_its_identity(here):
    Path("top.py").write_text("from best import Best as _Best\nclass Top(_Best): ...\n")
    Path("best.py").write_text("class Best:\n    share = 1\n")
    first = file_entry("metric", "top.py")
    Path("best.py").write_text("class Best:\n    share = 2\n")
    second = file_entry("metric", "top.py")
    assert first.name != second.name
    assert (first.load().share, second.load().share) == (1, 2)


@pytest.mark.parametrize("name", ["file", "toml", "python"])
def test_files_are_given_in_flags_toml_and_python_alike(lemur, here, name):
    Path("m.py").write_text(METRIC)
    Path("study.toml").write_text('metric = "m.py"\ndataset = "blobs"\nnet = "Linear"\n')
    expected = f"img-classification_blobs_m@{digest('m.py')}_Linear"
    if name == "python":
        given = {"metric": Path("m.py"), "dataset": "blobs", "net": "Linear"}
        planned = plan(Settings.of(given), lemur_core.installed())
        assert [pipeline.name for pipeline in planned.pipelines] == [expected]
        return
    arguments = {
        "toml": ["study.toml"],
        "file": ["--metric", "m.py", "--dataset", "blobs", "--net", "Linear"],
    }
    assert lemur("run", *arguments[name], "--dry-run")[:2] == (0, f"{expected}\n")


@pytest.mark.parametrize(
    ("kind", "code", "faults"),
    [
        ("loader", "def load(folder, task): ...", []),
        ("loader", "class _Shapes: ...\nload = _Shapes()", []),
        ("loader", "from mine import load", []),
        ("loader", "def loader(transform_fn, task): ...", []),
        (
            "loader",
            'TASKS = "digits"\nSIZE = -1\nOPTIONS = ("Kinds",)\nREADY = 1\ndef get(): ...',
            [
                "TASKS is 'digits'; expected names of tasks, for example (\"img-classification\",)",
                "SIZE is -1; expected pixels, for example 32",
                "OPTIONS is ('Kinds',); expected names of options, for example (\"min-pixels\",)",
                "READY is 1; expected True or False",
                "it has no function load(folder, task)",
            ],
        ),
        ("loader", "def load(folder): ...", ["load() takes (folder); expected (folder, task)"]),
        ("metric", METRIC, []),
        ("metric", "def create_metric(out_shape): ...", []),
        ("metric", "def _count(): ...\ndef share(out_shape): ...", []),
        ("metric", "class A(Base): ...", []),
        (
            "metric",
            "class A:\n    def __init__(self): ...\n    def update(self, a, b): ...",
            [
                "A() takes (); expected (out_shape)",
                "class A has no method reset()",
                "class A has no method compute()",
            ],
        ),
        (
            "metric",
            "class A: ...\nclass B: ...",
            [
                "A and B are public; expected one class: begin the names of the others with _, "
                "or name one my"
            ],
        ),
        ("metric", "", ["it has no class with reset(), update(outputs, targets) and compute()"]),
        ("transform", "def flip(normalisation): ...", []),
        (
            "transform",
            "DTYPE = 'int8'\nclass T: ...",
            [
                "DTYPE is 'int8'; expected \"float32\" or \"complex64\"",
                "class T is no torch.nn.Module",
                "class T has no method forward()",
            ],
        ),
        ("transform", "class T(nn.Module):\n    def pair(self, image, target): ...", []),
        ("estimator", "def make(history, *, patience=3): ...", []),
        ("estimator", "def made(history): ...", ["it has no function make(history)"]),
        ("tracker", "class T(Tracker): ...", []),
        ("tracker", "class T: ...", ["class T is no Tracker"]),
        ("tracker", "", ["it has no subclass of lemur_core.kinds.tracker.Tracker"]),
        ("exporter", "def export(results): ...",
         ["export() takes (results); expected (results, path)"]),
        ("exporter", "def export(results", ["line 1: '(' was never closed"]),
    ],
)  # fmt: skip
def test_all_faults_of_a_file_are_found_at_once(kind, code, faults):
    assert read_code(kind, "my", code).faults == faults


def test_a_class_named_like_the_file_is_the_entry():
    assert read_code("metric", "A", METRIC.replace("Hits", "A") + "class B: ...").attribute == "A"


@pytest.mark.parametrize(
    ("kind", "name", "code", "message"),
    [
        (
            "metric", "a.py", "SIZE = 1",
            "metric file 'a.py': it has no class with reset(), update(outputs, targets) and "
            "compute() (lemur new metric NAME writes a complete file)",
        ),
        ("metric", "missing.py", None, "there is no metric file 'missing.py'"),
        (
            "loader", "a.py", "def load(): ...",
            "loader file 'a.py': load() takes (); expected (folder, task); it has no TASKS = "
            '("img-classification",) and no --task is given (lemur new loader NAME writes a '
            "complete file)",
        ),
        (
            "metric", "a b.py", METRIC,
            "metric file 'a b.py': entry name 'a b@",
        ),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_an_error_of_one_line(here, kind, name, code, message):
    if code is not None:
        Path(name).write_text(code)
    with pytest.raises(LemurError) as caught:
        file_entry(kind, name)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_loader_without_tasks_serves_the_given_task(lemur, here):
    Path("mine.py").write_text("def loader(transform_fn, task): ...")
    entry = file_entry("loader", "mine.py", ["img-classification"])
    assert entry.tasks == ("img-classification",)
    arguments = ("--dataset", "mine.py", "--metric", "hits", "--net", "Linear", "--dry-run")
    status, out, _ = lemur("run", "--task", "img-classification", *arguments)
    assert (status, out.count("\n")) == (0, 1)


def test_show_describes_a_file(lemur, here):
    Path("m.py").write_text(f'"""Half."""\n{TASKS}{METRIC}')
    status, out, _ = lemur("show", "metric", "m.py")
    assert status == 0
    assert out.startswith(
        f"metric      file/m@{digest('m.py')}\nabout       Half.\ntasks       img-classification\n"
    )
    assert out.endswith(Path("m.py").read_text())
    assert lemur("show", "metric", "n.py") == (
        2, "", "lemur: error: there is no metric file 'n.py'\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--set", "wdth=2"], "no chosen net has a hyperparameter 'wdth'. Did you mean 'width'?"),
        (["--pruner", "Medan"], "unknown pruner 'Medan'. Did you mean 'Median'?"),
        (["--sampler", "TPA"], "unknown sampler 'TPA'. Did you mean 'TPE'?"),
        (["--estimator", "sooner"], "unknown estimator 'sooner'. Did you mean 'soon'?"),
        (["--tracker", "smoke"],
         "unknown tracker 'smoke'; there are none: no installed plugin provides any"),
        (["--tracker", "wandb:folder=a"],
         "tracker 'wandb' needs the plugin lemur-trackers"),
        (["--transform", "plane"], "unknown transform 'plane'. Did you mean 'plain'?"),
        (["--metric", "hit"], "unknown metric 'hit'. Did you mean 'hits'?"),
        (["--device", "gpu"], "device 'gpu'"),
        (["--net", "n.py"],
         "net 'n': its module has no class Net; its module has no function "
         "supported_hyperparameters()"),
    ],
)  # fmt: skip
def test_a_dry_run_checks_every_name(lemur, here, flags, message):
    Path("n.py").write_text("")
    net = [] if "--net" in flags else ["--net", "Linear"]
    status, out, err = lemur("run", "--dataset", "blobs", *net, *flags, "--dry-run")
    assert (status, out) == (2, "")
    assert err.startswith(f"lemur: error: {message}")
    assert not list(here.glob("*.db"))


def test_new_never_overwrites(lemur, here):
    Path("Tower.py").write_text("mine")
    status, _, err = lemur("new", "net", "Tower")
    assert status == 2
    assert err == "lemur: error: 'Tower.py' exists, and is left as it is; choose another name\n"
    assert Path("Tower.py").read_text() == "mine"
    _, _, err = lemur("new", "net", "no/Tower")
    assert err == "lemur: error: 'no/Tower.py' cannot be written: No such file or directory\n"
    _, _, err = lemur("new", "net", "a b")
    assert err == (
        "lemur: error: name 'a b': expected letters, digits and _ + -, starting with a letter\n"
    )
