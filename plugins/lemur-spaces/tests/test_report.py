"""The page of a study has the tables and figures of lemur-analysis, and names what is missing."""

import json
import re
import sys
from pathlib import Path
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from pandas import DataFrame, concat, read_csv
from pandas.testing import assert_frame_equal
from scipy.stats import spearmanr

from lemur_core.errors import MissingPluginError, SettingsError, UnknownNameError
from lemur_spaces import anynet
from lemur_spaces.cli.group import spaces
from lemur_spaces.complexity import Images

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng, rows = Random(1), []
    for number in range(12):
        design = anynet.adjust(anynet.draw(rng))
        complexity = anynet.complexity(design, Images(32))._asdict()
        for dataset in ("a", "b", "c"):
            error = rng.random()
            rows.append(
                {"net": f"n{number}", "dataset": dataset, "error": error} | design | complexity
            )
    frame = DataFrame(rows)
    return frame[~((frame["net"] == "n3") & (frame["dataset"] == "b"))]


def tables(page):
    """Return the rows of each table by caption."""
    drawn = re.findall(
        r"<caption>(.*?)</caption>.*?<script type=\"application/json\">(.*?)</script>", page, re.S
    )
    return {title: json.loads(rows) for title, rows in drawn}


def report_of(frame, *arguments):
    """Write the report of a frame; return the command's result and the page."""
    frame.to_csv("nets.csv", index=False)
    command = ["report", "nets.csv", *arguments]
    result = CliRunner().invoke(spaces, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result, Path("nets.html").read_text(encoding="utf-8")


def plain(runs):
    """Return errors only, whose page is written faster."""
    return runs[["net", "dataset", "error"]]


def test_correlations_are_those_of_scipy_over_the_nets_that_both_datasets_have(runs):
    _, page = report_of(plain(runs))
    errors = runs.pivot(index="net", columns="dataset", values="error")
    rows = tables(page)["Rank correlations"]
    assert len(rows) == 3
    for dataset, other, nets, correlation, *_ in rows:
        pair = errors[[dataset, other]].dropna()
        assert nets == len(pair)
        assert correlation == pytest.approx(spearmanr(*pair.to_numpy().T).statistic, abs=1e-4)


def test_further_trainings_of_some_nets_do_not_favour_them(runs):
    further = runs[runs["net"] == "n5"].assign(error=0.0)
    frame = concat([runs.assign(run=0), further.assign(run=1)], ignore_index=True)
    once, more = (tables(report_of(plain(frame_of_runs))[1]) for frame_of_runs in (runs, frame))
    assert once["Rank correlations"] == more["Rank correlations"]


def test_controls_are_shown_apart_from_the_population(runs):
    rows = plain(runs).assign(epochs=1, control="", run=range(len(runs)))
    longer = rows[rows["net"].isin(["n1", "n2"]) & (rows["dataset"] == "a")]
    noise = rows[(rows["net"] == "n4") & (rows["dataset"] == "a")]
    noise = concat([noise.assign(run=100 + at, error=at / 10) for at in range(3)])
    controls = [longer.assign(epochs=5, error=0.0, control="longer"), noise.assign(control="noise")]
    _, page = report_of(concat([rows, *controls]))
    _, alone = report_of(plain(runs))
    shown = tables(page)
    for name, table in tables(alone).items():
        assert shown[name] == table
    errors = rows[rows["dataset"] == "a"].set_index("net")["error"]
    assert shown["Errors after trainings of several lengths"] == [
        row
        for net in ("n1", "n2")
        for row in (["a", net, 1, pytest.approx(errors[net], abs=1e-4)], ["a", net, 5, 0])
    ]
    [repeated] = [row for row in shown["Spread of the errors"] if row[1] == "n4"]
    values = [errors["n4"], 0, 0.1, 0.2]
    assert repeated[:4] == ["a", "n4", 4, pytest.approx(np.mean(values), abs=1e-4)]


def test_page_has_every_section_and_names_missing_nets(runs):
    result, page = report_of(runs, "--reference", "a", "--csv", "copy.csv")
    assert "b: 1 net has no finished training; the page names them" in result.stderr
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings == [
        "About", "Datasets", "Agreement", "Noise of training", "Complexity", "Design space",
    ]  # fmt: skip
    figures = int(re.search(r"(\d+) figures", result.stdout)[1])
    assert page.count("data-svg=") == figures > 10
    assert "<dt>compared with</dt><dd>a</dd>" in page
    assert tables(page)["Nets without an error on a dataset"] == [["b", "n3"]]
    # The copy names the missing net too, and gives the same page.
    copy = read_csv("copy.csv")
    trained = copy.dropna(subset=["error"])
    assert_frame_equal(trained, read_csv("nets.csv"), check_dtype=False)
    assert copy[copy["error"].isna()][["net", "dataset"]].to_numpy().tolist() == [["n3", "b"]]
    command = ["report", "copy.csv", "--reference", "a", "--csv", "again.csv"]
    CliRunner().invoke(spaces, command, catch_exceptions=False)
    assert tables(Path("copy.html").read_text(encoding="utf-8")) == tables(page)
    assert Path("again.csv").read_text() == Path("copy.csv").read_text()


def test_training_that_is_part_of_a_control_counts_once(runs):
    rows = plain(runs).assign(epochs=1, control="", run=range(len(runs)))
    shared = rows.head(2)
    noise = concat([shared, shared.assign(run=[100, 101])]).assign(control="noise")
    longer = rows.head(3).assign(epochs=5, control="longer")
    _, page = report_of(concat([rows, noise, longer]))
    assert f"<dt>finished trainings</dt><dd>{len(runs) + 2 + 3}</dd>" in page


def test_nets_of_a_study_that_were_never_trained_are_named(runs, monkeypatch):
    spec = {
        "space": "AnyNetX", "count": 13, "seed": 0, "bands": {},
        "images": {"px": 32, "classes": 10},
    }  # fmt: skip
    missing = DataFrame({"net": ["n12", "n12", "n3"], "dataset": ["a", "c", "b"]})
    results = SimpleNamespace(runs=plain(runs).assign(control=""), missing=missing, spec=spec)
    monkeypatch.setattr("lemur_spaces.study.results.read_results", lambda *_: results)
    command = ["report", "mine", "--csv", "nets.csv"]
    CliRunner().invoke(spaces, command, catch_exceptions=False)
    page = Path("mine.html").read_text(encoding="utf-8")
    named = tables(page)["Nets without an error on a dataset"]
    assert named == [["a", "n12"], ["b", "n12"], ["b", "n3"], ["c", "n12"]]
    copy = read_csv("nets.csv")
    assert len(copy) == len(runs) + 3
    written = copy[copy["error"].isna()][["net", "dataset"]]
    assert written.to_numpy().tolist() == missing.to_numpy().tolist()
    assert "<dt>designs</dt><dd>13 of AnyNetX, drawn with seed 0</dd>" in page


def test_report_names_the_plugin_that_it_needs(runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "lemur_analysis", None)
    with pytest.raises(MissingPluginError) as caught:
        CliRunner().invoke(spaces, ["report", "nets.csv"], catch_exceptions=False)
    assert str(caught.value) == (
        "lemur spaces report needs the plugin lemur-analysis: pip install lemur-analysis"
    )


def test_wrong_input_is_one_line(runs):
    Path("few.csv").write_text("net,error\na,0.1\n")
    with pytest.raises(SettingsError) as caught:
        CliRunner().invoke(spaces, ["report", "few.csv"], catch_exceptions=False)
    assert str(caught.value) == "'few.csv' has no column dataset"
    from lemur_core import recording

    with recording("img-classification_digits_acc_Net", {"lr": 1.0}, db="lemur.db") as trial:
        trial.epoch(accuracy=0.5, validation=0.5)
    with pytest.raises(UnknownNameError, match="unknown study 'none'"):
        CliRunner().invoke(spaces, ["report", "none", "--db", "lemur.db"], catch_exceptions=False)
