"""The page of a study has the tables and figures of lemur-analysis, and names what is missing."""

import json
import re
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest
from click.testing import CliRunner
from pandas import DataFrame, concat
from pandas.testing import assert_frame_equal
from scipy.stats import spearmanr

from lemur_core.errors import MissingPluginError, SettingsError, UnknownNameError
from lemur_spaces import anynet
from lemur_spaces.cli.group import spaces
from lemur_spaces.complexity import Images
from lemur_spaces.report.contents import contents
from lemur_spaces.study.results import missing_of

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


def parts_of(runs):
    missing = missing_of(runs, runs["net"].unique(), ("a", "b", "c"))
    return {part.title: part for part in contents(runs, missing)}


def test_correlations_are_those_of_scipy(runs):
    [table] = parts_of(runs)["Rank agreement"].tables.values()
    errors = runs.pivot(index="net", columns="dataset", values="error")
    for row in table.itertuples():
        pair = errors[[row.dataset, row.other]].dropna()
        assert row.nets == len(pair)
        assert row.correlation == pytest.approx(spearmanr(*pair.to_numpy().T).statistic)


def test_missing_trainings_are_named_and_not_averaged(runs):
    datasets = parts_of(runs)["Datasets"].tables
    summary, missing = datasets.values()
    assert missing.to_dict("records") == [{"net": "n3", "dataset": "b"}]
    assert summary.set_index("dataset")["nets"].to_dict() == {"a": 12, "b": 11, "c": 12}
    assert summary.set_index("dataset")["missing"].to_dict() == {"a": 0, "b": 1, "c": 0}
    means = runs.groupby("dataset")["error"].median()
    assert summary.set_index("dataset")["median"].to_dict() == pytest.approx(means.to_dict())


def test_noise_is_unknown_with_one_training_and_measured_with_several(runs):
    assert "unknown" in parts_of(runs)["Noise of training"].text
    twice = runs.loc[runs.index.repeat(2)].reset_index(drop=True)
    twice["run"] = range(len(twice))
    tables = parts_of(twice)["Noise of training"].tables
    assert [*tables] == ["Reliability of the ranks on each dataset"]


def test_further_trainings_of_some_nets_do_not_favour_them(runs):
    further = runs[runs["net"] == "n5"].assign(error=0.0)
    frame = concat([runs.assign(run=0), further.assign(run=1)], ignore_index=True)
    [once], [more] = (parts_of(one)["Rank agreement"].tables.values() for one in (runs, frame))
    assert_frame_equal(once, more)


def test_errors_of_both_kinds_are_those_of_the_same_net_and_dataset(runs):
    both = runs.assign(top1_error=runs["error"], top5_error=runs["error"] / 3)
    [draw] = parts_of(both)["Top-1 and top-5"].figures.values()
    for axes in draw():
        points = np.asarray(axes.collections[0].get_offsets())
        np.testing.assert_allclose(points[:, 1], points[:, 0] / 3)


def test_page_has_every_section_and_names_missing_nets(runs):
    runs.to_csv("nets.csv", index=False)
    arguments = ["report", "nets.csv", "--reference", "a", "--csv", "copy.csv"]
    result = CliRunner().invoke(spaces, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "b: 1 nets have no finished training; the page names them" in result.stderr
    page = Path("nets.html").read_text()
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings == ["Datasets", "Rank agreement", "Noise of training", "Complexity", "Stages"]
    figures = int(re.search(r"(\d+) figures", result.stdout)[1])
    assert page.count('src="data:image/png;base64,') == figures > 10
    assert "Traceback" not in page
    [missing] = re.findall(r"Nets without a finished training.*?<script[^>]*>(.*?)</script>", page)
    assert json.loads(missing) == [["n3", "b"]]
    assert len(Path("copy.csv").read_text().splitlines()) == len(runs) + 1


def test_frame_without_stages_or_complexities_is_enough(runs):
    titles = [*parts_of(runs[["net", "dataset", "error"]])]
    assert titles == ["Datasets", "Rank agreement", "Noise of training", "Complexity"]


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
