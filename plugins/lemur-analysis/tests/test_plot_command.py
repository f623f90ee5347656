"""``lemur plot``: the files it writes, and its messages about figures that cannot be drawn."""

import pytest
from click.testing import CliRunner
from matplotlib import pyplot as plt

import lemur_core
from lemur_analysis.cli.plot import plot
from lemur_core import Entry, installed
from lemur_core.errors import LemurError


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    """Two nets on two datasets, two epochs each."""
    path = tmp_path_factory.mktemp("results") / "results.db"
    for dataset in ("cifar-10", "mnist"):
        for number, net in enumerate(("AlexNet", "VGG")):
            pipeline = f"img-classification_{dataset}_acc_{net}"
            with lemur_core.recording(pipeline, {"lr": 0.1}, db=path) as trial:
                for epoch in (1, 2):
                    score = 0.1 * epoch + 0.02 * number
                    trial.epoch(validation=score, accuracy=score, seconds=10.0 * epoch)
    return path


def run(*arguments):
    return CliRunner().invoke(plot, [*map(str, arguments)])


def failed(*arguments):
    result = run(*arguments)
    assert isinstance(result.exception, LemurError)
    return str(result.exception)


def lines_of(result):
    return result.output.splitlines()


def test_figures_are_written_into_a_folder(db, tmp_path):
    out = tmp_path / "some" / "figures"
    result = run("rolling-mean:window=1", "box", "--db", db, "--out", out, "--dataset", "mnist")
    assert result.exit_code == 0
    assert lines_of(result) == [f"wrote {out}/rolling-mean-window-1.svg", f"wrote {out}/box.svg"]
    text = (out / "rolling-mean-window-1.svg").read_text()
    # Text is stored as text rather than outlines.
    assert "score (acc), mean of 1 epochs" in text
    assert not plt.get_fignums()


def test_the_same_results_give_the_same_bytes(db, tmp_path):
    for name in ("one", "two"):
        run("score-epoch", "--db", db, "--out", tmp_path / name, "--dataset", "mnist")
    both = [(tmp_path / name / "score-epoch.svg").read_bytes() for name in ("one", "two")]
    assert both[0] == both[1]


@pytest.mark.parametrize(("form", "begins"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_a_figure_has_the_requested_format(db, tmp_path, form, begins):
    run("box", "--db", db, "--out", tmp_path, "--format", form, "--dpi", 40, "--dataset", "mnist")
    assert (tmp_path / f"box.{form}").read_bytes().startswith(begins)


def test_more_panels_than_a_page_holds_are_several_files(db, tmp_path):
    result = run("box", "--db", db, "--out", tmp_path, "--panels", 1)
    assert lines_of(result) == [
        f"wrote {tmp_path}/box-1.svg (img-classification, cifar-10, acc)",
        f"wrote {tmp_path}/box-2.svg (img-classification, mnist, acc)",
    ]


def test_a_figure_that_cannot_be_drawn_does_not_stop_others(db, tmp_path):
    result = run("first-epoch-duration", "box", "--db", db, "--out", tmp_path, "--epoch", 2)
    assert result.exit_code == 1
    assert lines_of(result) == [
        "first-epoch-duration: not drawn: no records of the first epoch",
        f"wrote {tmp_path}/box.svg",
    ]


def register(monkeypatch, **figures):
    """Replace the registered figures with these."""
    entries = {name: Entry(name, f"{__name__}:{name}") for name in figures}
    monkeypatch.setattr(Entry, "load", lambda self: figures[self.name])
    registry = type(installed())
    monkeypatch.setattr(registry, "names", lambda self, kind: entries)
    monkeypatch.setattr(registry, "get", lambda self, kind, name: entries[name])


def others(frame, ax=None):
    assert "prm" in frame.columns
    assert "nn_code" not in frame.columns
    return plt.figure().subplots()


def broken(frame, ax=None):
    raise RuntimeError("two\nlines")


def returns_nothing(frame, ax=None):
    return None


def test_all_draws_every_figure_and_says_which_fail(db, tmp_path, monkeypatch):
    register(monkeypatch, broken=broken, returns_nothing=returns_nothing, others=others)
    result = run("all", "--db", db, "--out", tmp_path)
    assert result.exit_code == 0
    assert lines_of(result) == [
        "broken: not drawn: RuntimeError: two lines",
        "returns_nothing: not drawn: the figure did not return axes",
        f"wrote {tmp_path}/others.svg",
    ]


def test_the_status_is_1_if_nothing_is_drawn(db, tmp_path, monkeypatch):
    register(monkeypatch, broken=broken)
    assert run("all", "--db", db, "--out", tmp_path).exit_code == 1


def test_only_the_columns_that_a_figure_needs_are_read(db, tmp_path, monkeypatch):
    read = []

    def noted(**arguments):
        read.append(arguments["columns"])
        return data(**arguments)

    data = lemur_core.data
    monkeypatch.setattr(lemur_core, "data", noted, raising=False)
    run("box", "--db", db, "--out", tmp_path, "--dataset", "mnist")
    assert read == [["task", "dataset", "metric", "nn", "epoch", "accuracy", "duration", "trial"]]


def test_unknown_figures_and_options_get_near_matches(db, tmp_path):
    arguments = ("--db", db, "--out", tmp_path / "out")
    assert failed("roling-mean", *arguments).startswith("unknown figure 'roling-mean'")
    assert "Did you mean 'rolling-mean'" in failed("roling-mean", *arguments)
    assert failed("rolling-mean:windw=3", *arguments) == (
        "figure 'rolling-mean' has no option 'windw'. Did you mean 'window'?"
    )
    assert not (tmp_path / "out").exists()


def test_an_invalid_value_is_reported_in_one_line(db, tmp_path):
    result = run("rolling-mean:window=0", "--db", db, "--out", tmp_path)
    assert result.exit_code == 1
    assert lines_of(result) == [
        "rolling-mean-window-0: not drawn: window is 0; expected a whole number from 1"
    ]
    assert not plt.get_fignums()


def test_an_empty_selection_is_an_error(db, tmp_path):
    out = tmp_path / "out"
    message = failed("box", "--db", db, "--out", out, "--epoch", 9)
    assert message == "no recorded results match, so there is nothing to draw"
    assert not out.exists()


def test_a_folder_that_cannot_be_written_is_an_error(db, tmp_path):
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "figures"
    message = failed("box", "--db", db, "--out", out)
    assert message.startswith(f"{out}: ")
    (tmp_path / "box.svg").mkdir()
    (tmp_path / "box.svg" / "full").touch()
    assert failed("box", "--db", db, "--out", tmp_path).startswith(f"{tmp_path}/box.svg: ")
    assert not plt.get_fignums()
