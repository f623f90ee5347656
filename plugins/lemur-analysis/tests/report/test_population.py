"""The page about a population of nets."""

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from pandas import concat
from scipy.stats import spearmanr

import lemur_core
from lemur_analysis import representativeness as rep
from lemur_analysis.report.population import missing_cells, write_population
from lemur_core.cli import cli
from lemur_core.errors import SettingsError

from ..representativeness.populations import lists, population

ERRORS = {"a": [0.1, 0.2, 0.3, 0.5, 0.4], "b": [0.5, 0.4, 0.3, 0.1, 0.2], "c": [0.1, 0.3, 0.2, 0.4]}


@pytest.fixture
def written(tmp_path):
    def write(frame, **options):
        path = tmp_path / "page.html"
        said = write_population(frame, path, **options)
        return said, path.read_text(encoding="utf-8")

    return write


def captions(page):
    return re.findall(r"<figcaption>(.*?)</figcaption>", page)


def tables(page):
    """Return the rows of each table by caption."""
    tables = re.findall(
        r"<caption>(.*?)</caption>.*?<script type=\"application/json\">(.*?)</script>", page, re.S
    )
    return {title: json.loads(rows) for title, rows in tables}


def test_a_page_has_correlations_and_names_missing_errors(written):
    said, page = written(lists(**ERRORS), title="Five nets", about=[("study", "mine")])
    assert said == "5 nets on 3 datasets, 1 missing error, 4 figures"
    assert "<title>Five nets</title>" in page
    assert "<dt>study</dt><dd>mine</dd>" in page
    assert tables(page)["Nets without an error on a dataset"] == [["c", "n4"]]
    pairs = {tuple(row[:2]): row[2:4] for row in tables(page)["Rank correlations"]}
    assert pairs == {("a", "b"): [5, -1], ("a", "c"): [4, 0.8], ("b", "c"): [4, -0.8]}
    best = [row[:3] for row in tables(page)["The 10 best nets of each dataset"]]
    assert best[0] == ["a", "n0", 0.1]
    assert [row[1] for row in best if row[0] == "b"] == ["n3", "n4", "n2", "n1", "n0"]
    assert captions(page) == [
        "Rank correlations between datasets",
        "Rank correlations with a",
        "Errors on each dataset against those on a",
        "Errors on all pairs",
    ]
    assert page.count("data-svg=") == 4


def test_the_reference_can_be_chosen_and_must_be_known(written):
    _, page = written(lists(**ERRORS), reference="c")
    assert "<dt>compared with</dt><dd>c</dd>" in page
    with pytest.raises(SettingsError, match="no dataset 'd' in the results; they have a, b, c"):
        written(lists(**ERRORS), reference="d")


def test_one_dataset_has_errors_but_no_ranks_to_compare(written):
    said, page = written(lists(a=[0.1, 0.2]))
    assert said == "2 nets on 1 dataset, 0 figures"
    assert "Ranks are compared between two datasets or more; this population has one." in page
    assert "Rank correlations" not in tables(page)
    with pytest.raises(SettingsError, match="the population has no errors; expected a row for"):
        written(lists(a=[np.nan, np.nan]))


def test_errors_are_described_by_dataset_as_pandas_does(written):
    frame = lists(**ERRORS)
    _, page = written(concat([frame, population({"d": {"n0": np.nan}})], ignore_index=True))
    rows = {row[0]: row[1:] for row in tables(page)["Errors of the nets"]}
    for name, errors in ERRORS.items():
        assert rows[name] == [
            len(errors), min(errors), *map(pytest.approx, np.quantile(errors, [0.25, 0.5, 0.75])),
            max(errors), 5 - len(errors),
        ]  # fmt: skip
    assert rows["d"] == [0, None, None, None, None, None, 5]
    missing = tables(page)["Nets without an error on a dataset"]
    assert missing == [["c", "n4"], *(["d", f"n{at}"] for at in range(5))]


def test_each_section_says_what_it_shows(written):
    _, page = written(stages())
    sections = re.findall(r"<section id=.*?><h2>(.*?)</h2>\s*<p>(.*?)</p>", page)
    titles = ["Datasets", "Agreement", "Noise of training", "Complexity", "Design space"]
    assert [title for title, _ in sections] == titles
    assert all(text.endswith(".") for _, text in sections)


def test_noise_ceilings_need_several_runs(written):
    frame = lists(**ERRORS)
    _, page = written(frame)
    assert "so the noise ceilings are unknown" in page
    assert "Reliability of the ranks on each dataset" not in tables(page)
    again = frame.assign(error=frame["error"] + 0.01)
    _, page = written(concat([frame, again], ignore_index=True))
    assert "so the noise ceilings are unknown" not in page
    assert [row[0] for row in tables(page)["Reliability of the ranks on each dataset"]] == [*"abc"]
    spread = {(row[0], row[1]): row[2:5] for row in tables(page)["Spread of the errors"]}
    # Two runs that differ by 0.01 have a standard deviation of 0.01 / sqrt(2).
    assert spread["a", "n0"] == [2, pytest.approx(0.105), pytest.approx(0.00707, abs=1e-5)]
    assert "Rank correlations with a, and noise ceilings" in captions(page)


def test_repeated_runs_of_a_few_nets_give_ceilings(written):
    frame = lists(**ERRORS)
    nets = [*frame["net"].unique()][:4]
    again = frame[frame["net"].isin(nets) & frame["dataset"].isin(["a", "b"])]
    again = again.assign(error=again["error"] + 0.01)
    both = concat([frame[frame["dataset"] != "c"], again], ignore_index=True)
    _, page = written(frame, controls={"noise_of_training": both})
    assert "so the noise ceilings are unknown" not in page
    rows = {row[0]: row for row in tables(page)["Reliability of one run on each dataset"]}
    errors = frame[frame["dataset"] == "a"]["error"]
    assert rows["a"][1:5] == [
        len(errors), 4, pytest.approx(0.00707, abs=1e-4), pytest.approx(errors.std(), abs=1e-4),
    ]  # fmt: skip
    # Runs that differ by 0.01 have places that differ by a half; those of the first runs are 0.5 to
    # 4.5, with a variance of 2.5.
    assert rows["a"][5] == pytest.approx(1 - 0.5**2 / 2 / 2.5, abs=1e-4)
    assert {*rows} == {"a", "b"}
    assert "Rank correlations with a, and noise ceilings" in captions(page)


def test_nets_can_be_compared_at_equal_numbers_of_runs(written):
    frame = lists(**ERRORS)
    further = frame[frame["net"] == "n3"].assign(error=0.0)
    runs = concat([frame, further], ignore_index=True)
    _, once = written(frame)
    _, equal = written(runs, equal_runs=True)
    assert tables(equal)["Rank correlations"] == tables(once)["Rank correlations"]
    assert "only the first run of each are compared" in equal
    _, best = written(runs)
    assert tables(best)["Rank correlations"] != tables(once)["Rank correlations"]
    assert "Nets have 1 to 2 runs on a dataset, of which the best counts" in best


def test_top5_errors_are_drawn_against_top1_errors_of_the_same_run(written, monkeypatch):
    drawn, draw = [], rep.top1_against_top5
    monkeypatch.setattr(rep, "top1_against_top5", lambda frame: drawn.append(frame) or draw(frame))
    frame = lists(**ERRORS).assign(selection=[*range(14)])
    both = frame.assign(top1_error=frame["error"] * 2, top5_error=frame["error"])
    worse = both.assign(selection=99, top1_error=0.9)
    written(concat([worse, both], ignore_index=True))
    [rows] = drawn
    assert list(rows["error"]) == list(2 * rows["top5_error"])


def stages():
    rows = {name: dict(zip("stuvw", of, strict=True)) for name, of in list(ERRORS.items())[:2]}
    columns = {
        f"{setting}_{stage}": {net: (at * stage) % 4 + 1 for at, net in enumerate("stuvw")}
        for setting in ("depth", "width", "bottleneck", "group")
        for stage in (1, 2)
    }
    return population(
        rows, macs={net: 10.0 ** (at + 1) for at, net in enumerate("stuvw")}, **columns
    )


def test_complexities_and_stages_have_sections(written):
    _, page = written(stages())
    rows = tables(page)["Rank correlations of the error with complexities"]
    by_name = {(row[0], row[1]): row[3] for row in rows}
    # Errors on a are 0.1, 0.2, 0.3, 0.5, 0.4 for ascending multiply-adds.
    assert by_name["a", "macs"] == 0.9
    assert by_name["b", "macs"] == -0.9
    assert {name for _, name in by_name} == {"depth", "width", "macs"}
    assert "Nets whose settings ascend through the stages" in tables(page)
    shown = captions(page)
    assert "Error against macs" in shown
    assert "Error against the settings of each stage: b" in shown


def test_runs_are_compared_by_the_best_one_and_counted(written):
    frame = lists(**ERRORS)
    worse = frame.assign(error=frame["error"] + 0.45)
    runs = concat([frame, worse], ignore_index=True)
    _, page = written(runs)
    assert "<dt>runs, of which the best count</dt><dd>28</dd>" in page
    pairs = {tuple(row[:2]): row[3] for row in tables(page)["Rank correlations"]}
    assert pairs == {("a", "b"): -1, ("a", "c"): 0.8, ("b", "c"): -0.8}
    assert "Spread of single nets' runs" in page.replace("&#x27;", "'")


def test_controls_are_drawn_from_the_given_frames(written):
    frame = lists(**ERRORS)
    longer = concat([frame.assign(epochs=10), frame.assign(epochs=50)], ignore_index=True)
    _, page = written(frame, controls={"longer_training": longer})
    assert "Errors after trainings of several lengths" in captions(page)[-1]
    [first, *_] = tables(page)["Errors after trainings of several lengths"]
    assert first == ["a", "n0", 10, 0.1]
    with pytest.raises(SettingsError, match="control 'longer'; expected longer_training, noise_of"):
        written(frame, controls={"longer": longer})
    _, page = written(frame.assign(top5_error=frame["error"] / 2))
    assert "Top-5 against top-1 error" in captions(page)


def test_the_gain_of_pretraining_is_that_of_the_nets_that_have_both_errors(written):
    frame = lists(**ERRORS).query("dataset == 'a'")
    better = frame.assign(error=frame["error"] / 2, pretrained=True).head(4)
    control = concat([frame.assign(pretrained=False), better], ignore_index=True)
    _, page = written(frame, controls={"pretraining_gain": control})
    [row] = tables(page)["Errors with pretraining and from scratch"]
    gains = frame["error"].head(4) / 2
    assert row[:2] == ["a", 4]
    assert row[2:5] == pytest.approx([gains.mean(), gains.median(), gains.std()], rel=1e-3)
    assert row[5] == 1
    assert "Errors with pretraining against errors from scratch" in captions(page)


def test_changes_of_hyperparameters_have_a_figure_each_and_a_table(written):
    frame = lists(**ERRORS).query("dataset == 'a'")
    parts = [
        frame.assign(changed=change, error=frame["error"] * factor)
        for change, factor in ((None, 1), ("stem=cifar", 0.5), ("stem=imagenet", 2))
    ]
    _, page = written(frame, controls={"changed_hyperparameters": concat(parts)})
    rows = tables(page)["Errors with changed hyperparameters and as in the population"]
    mean = frame["error"].mean()
    assert [row[:4] for row in rows] == [
        ["stem=cifar", "a", 5, pytest.approx(mean / 2)],
        ["stem=imagenet", "a", 5, pytest.approx(-mean)],
    ]
    assert [row[6] for row in rows] == [1, 1]
    changed = [caption for caption in captions(page) if "as in the population" in caption]
    assert changed == [
        "Errors with stem=cifar against errors as in the population",
        "Errors with stem=imagenet against errors as in the population",
    ]


def test_versions_of_a_dataset_are_compared_without_being_asked_for(written):
    names = ("a", "a[balanced]", "a[classes=2]", "b")
    values = ([1, 2, 3, 4, 5], [1, 3, 2, 4, 5], [5, 4, 3, 2, 1], [2, 1, 3, 5, 4])
    frame = lists(**{name: [v / 10 for v in of] for name, of in zip(names, values, strict=True)})
    _, page = written(frame.assign(classes=frame["dataset"].map({"b": 2})))
    assert "Errors after training on balanced against unbalanced classes" in captions(page)
    [row] = tables(page)["Errors with balanced and with unbalanced classes"]
    assert (row[:2], row[5]) == (["a", 5], 0.9)
    [row] = tables(page)["Rank correlations with a and its smaller versions"]
    assert row == ["b", 2, 0.8, -0.8, "a[classes=2]", -0.8]
    _, page = written(lists(**ERRORS))
    assert not [title for title in tables(page) if "alanced" in title or "versions" in title]


def test_ranks_by_training_errors_are_compared_with_those_by_test_errors(written):
    frame = lists(**ERRORS)
    training = lists(a=[0.4, 0.1, 0.3, 0.2, 0.25], b=[0.5, 0.4, 0.3, 0.1, 0.2], c=[0.1, 0.2, 0.3])
    frame = frame.merge(
        training.rename(columns={"error": "training_error"}), on=["net", "dataset"], how="left"
    )
    # A net that lacks a training error is in neither correlation.
    _, page = written(frame.assign(depth=range(len(frame))))
    rows = tables(page)["Rank correlations of test and training errors"]
    shown = {tuple(row[:2]): [row[2], row[3], row[6]] for row in rows}
    assert shown.keys() == {("a", "b"), ("a", "c"), ("b", "c")}
    columns = ["error", "training_error"]
    wide = frame.dropna().pivot(index="net", columns="dataset", values=columns)
    for (dataset, other), values in shown.items():
        of_both = [wide[name][[dataset, other]].dropna().to_numpy().T for name in columns]
        expected = [spearmanr(*errors).statistic for errors in of_both]
        assert values == [of_both[0].shape[1], *(pytest.approx(value) for value in expected)]
    assert "of the errors on the training split" in captions(page)[-2]
    assert captions(page)[-1] == "Training error against depth"


def test_missing_cells_are_those_on_which_others_have_an_error():
    frame = population({"x": {"a": 0.1, "b": np.nan}, "y": {"b": 0.2, "c": 0.3}})
    assert missing_cells(frame).to_numpy().tolist() == [["x", "b"], ["x", "c"], ["y", "a"]]


def test_the_command_writes_the_page_of_recorded_results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = ["idx,dataset,flops,params,test_accuracy"]
    lines += [f"{at},{name},{1e6 * (at + 1)},1e5,{50 + at}"
              for name in ("cifar10", "cifar100") for at in range(5)]  # fmt: skip
    (tmp_path / "nats.csv").write_text("\n".join(lines) + "\n")

    def call(*arguments):
        done = CliRunner().invoke(cli, arguments)
        return done.exit_code, done.output

    assert call("db", "import", "nats.csv")[0] == 0
    code, said = call("report", "--population", "--reference", "cifar-100", "--metric", "acc")
    assert (code, said) == (0, "wrote report.html: 5 nets on 2 datasets, 6 figures\n")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert {(row[0], row[1]): row[3] for row in
            tables(page)["Rank correlations of the error with complexities"]
            }["cifar-10", "macs"] == -1  # fmt: skip
    for arguments, message in (
        (("--population", "--out", "a.pdf"), "--population writes a page; --out 'a.pdf' does not"),
        (("--population", "--figures", "pareto"), "--figures does not apply to --population"),
        (("--reference", "x"), "--reference compares nets between datasets; add --population"),
    ):
        done = CliRunner().invoke(cli, ["report", *arguments], standalone_mode=False)
        assert message in str(done.exception)
    assert len(rep.from_results(lemur_core.data(with_facts=True))) == 10


def test_errors_by_a_metric_are_not_taken_for_shares(tmp_path):
    db = str(tmp_path / "mae.db")
    for dataset in ("a", "b"):
        with lemur_core.recording(f"age_{dataset}_mae_Net", {}, db=db) as trial:
            trial.epoch(errors=(3.0, 4.0))
    with pytest.raises(SettingsError, match="metric mae: lower is better"):
        CliRunner().invoke(cli, ["report", "--population", "--db", db], catch_exceptions=False)
