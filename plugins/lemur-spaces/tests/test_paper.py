"""The tables of Tuggener et al. (2022), from a study."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from lemur_analysis.papers.paper import ClaimStatus, Sources, check
from lemur_spaces import paper
from lemur_spaces.study.results import StudyResults

DATASETS = ["imagenet-1k", "imagenet-1k[classes=10]", "cifar-10"]


@pytest.fixture
def study(monkeypatch):
    """Return a function that gives the paper a study with these runs."""

    def given(runs):
        results = StudyResults(runs, pd.DataFrame(), {})
        monkeypatch.setattr("lemur_spaces.study.results.read_results", lambda name, db: results)

    return given


@pytest.fixture
def runs(study):
    """Return the runs of a study with two trainings of each net, which the paper reads."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "net": f"net-{net}", "dataset": dataset, "run": f"{dataset}-{net}-{run}", "epoch": 1,
            "error": rng.uniform(), "selection": rng.uniform(), "control": "",
            **{f"depth_{stage}": 1 + (net * stage) % 7 for stage in (1, 2)},
            **{f"width_{stage}": 8 * (1 + (net + stage) % 5) for stage in (1, 2)},
        }
        for dataset in DATASETS
        for net in range(12)
        for run in range(2)
    ]  # fmt: skip
    longer = [{**row, "run": f"longer-{row['run']}", "control": "longer"} for row in rows[:2]]
    frame = pd.DataFrame([*rows, *longer])
    study(frame)
    return frame[frame["control"] == ""]


def checked(db="lemur.db"):
    return {claim.text: check(claim) for claim in paper.claims(Sources(db=db))}


def best(runs, dataset):
    rows = runs[runs["dataset"] == dataset].sort_values("selection").drop_duplicates("net")
    return rows.set_index("net").sort_index()


def test_rank_correlations_of_a_study_are_those_of_scipy(runs):
    claims = checked()
    for reference in DATASETS[:2]:
        value = claims[f"rank correlation of cifar-10 and {reference}"]
        expected = spearmanr(best(runs, "cifar-10")["error"], best(runs, reference)["error"])
        assert value.ours == pytest.approx(expected.statistic)
        assert value.verdict is ClaimStatus.DISPUTED


def test_correlations_with_depth_and_width_are_those_of_scipy(runs):
    claims = checked()
    rows = best(runs, "imagenet-1k[classes=10]")
    for setting in ("depth", "width"):
        total = rows[f"{setting}_1"] + rows[f"{setting}_2"]
        value = claims[f"correlation of error and {setting} on imagenet-1k[classes=10]"]
        assert value.ours == pytest.approx(spearmanr(rows["error"], total).statistic)


def test_nets_are_compared_at_the_same_number_of_trainings(runs, study):
    first = runs[runs["run"].str.endswith("-0")]
    more = runs[runs["net"].isin(["net-1", "net-2"]) | runs["run"].str.endswith("-0")]
    values = []
    for given in (first, more):
        study(given)
        values.append([value.ours for value in checked().values() if value.ours is not None])
    assert values[0] == values[1]


def test_correlations_that_are_undefined_are_not_checked(runs, study):
    equal = runs.assign(error=0.5)
    alone = runs[(runs["net"] == "net-1") | (runs["dataset"] == "cifar-10")]
    for given in (equal, alone):
        study(given)
        value = checked()["rank correlation of cifar-10 and imagenet-1k"]
        assert value.verdict is ClaimStatus.MISSING
        assert value.missing == (
            "study 'representativeness': the correlation of errors on 'cifar-10' and 'imagenet-1k' "
            "is undefined; the nets must differ in both"
        )


def test_nets_without_stages_have_no_depth(runs, study):
    study(runs.drop(columns=[name for name in runs.columns if name.startswith("depth")]))
    claims = checked()
    value = claims["correlation of error and depth on imagenet-1k"]
    assert value.verdict is ClaimStatus.MISSING
    assert "depth" in value.missing
    assert "\n" not in value.missing
    assert claims["correlation of error and width on imagenet-1k"].ours is not None


def test_what_the_study_lacks_is_named(runs):
    value = checked()["rank correlation of insects and imagenet-1k"]
    assert value.verdict is ClaimStatus.MISSING
    assert value.missing == "study 'representativeness' has no dataset 'insects'"


def test_without_a_study_the_arithmetic_of_the_printed_table_is_left(tmp_path):
    claims = checked(str(tmp_path / "no.db"))
    computed = {text: value for text, value in claims.items() if value.ours is not None}
    means = {text: (round(value.ours, 4), value.verdict) for text, value in computed.items()}
    assert means == {
        "mean rank correlation with ImageNet": (0.1896, ClaimStatus.AGREES),
        "mean rank correlation with the closest subset of ImageNet": (0.5, ClaimStatus.DISPUTED),
    }
    assert len(claims) == 2 + 2 * 8 + 2 * 5
