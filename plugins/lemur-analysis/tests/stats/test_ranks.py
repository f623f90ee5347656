import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from lemur_analysis import stats
from lemur_analysis.stats.ranks import nemenyi_of, ranks_of
from lemur_core.errors import SettingsError

# Demsar (2006), Table 6: ranks of four variants of C4.5 on 14 datasets.
VARIANTS = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
DEMSAR = [
    (4, 3, 2, 1), (1, 2, 3, 4), (4, 1, 2, 3), (4, 1, 3, 2), (4, 2, 3, 1), (1, 2.5, 4, 2.5),
    (3, 2, 4, 1), (2.5, 2.5, 4, 1), (4, 3, 2, 1), (2.5, 2.5, 2.5, 2.5), (4, 2.5, 1, 2.5),
    (3, 2, 4, 1), (4, 1, 2, 3), (3, 1, 4, 2),
]  # fmt: skip


def results(scores, nets=VARIANTS):
    """Return a frame of results from a table of scores with one row per dataset."""
    return pd.DataFrame(
        {"task": "t", "dataset": f"set-{row:02}", "metric": "acc", "nn": net, "accuracy": score}
        for row, line in enumerate(scores)
        for net, score in zip(nets, line, strict=True)
        if score is not None
    )


@pytest.fixture
def demsar():
    return results([[(5 - rank) / 4 for rank in line] for line in DEMSAR])


def test_ranks_are_those_that_demsar_published(demsar):
    table = stats.average_ranks(demsar).set_index("nn")["rank"].round(3)
    assert table.to_dict() == {
        "C4.5+m+cf": 1.964, "C4.5+m": 2.0, "C4.5+cf": 2.893, "C4.5": 3.143,
    }  # fmt: skip


def test_statistics_are_those_that_demsar_published(demsar):
    (row,) = stats.rank_test(demsar, correct_ties=False).to_dict("records")
    assert (row["blocks"], row["nets"]) == (14, 4)
    assert row["chi2"] == pytest.approx(9.28, abs=0.005)
    assert row["f"] == pytest.approx(3.69, abs=0.005)
    assert row["critical_difference"] == pytest.approx(1.25, abs=0.005)
    assert stats.critical_difference(4, 14, alpha=0.1) == pytest.approx(1.12, abs=0.005)


def test_nemenyi_finds_what_demsar_found(demsar):
    # At 0.10 C4.5 differs from C4.5+m and from C4.5+m+cf, and no other pair does.
    table = stats.pairwise_tests(demsar)
    significant = table[table["p_nemenyi"] < 0.1]
    assert set(zip(significant["x"], significant["y"], strict=True)) == {
        ("C4.5+m", "C4.5"),
        ("C4.5+m+cf", "C4.5"),
    }


def test_the_friedman_test_is_that_of_scipy(demsar):
    (row,) = stats.rank_test(demsar).to_dict("records")
    table = demsar.pivot(index="dataset", columns="nn", values="accuracy")
    expected = scipy_stats.friedmanchisquare(*table.to_numpy().T)
    assert row["chi2"] == pytest.approx(expected.statistic)
    assert row["p"] == pytest.approx(expected.pvalue)


SCORES = st.lists(
    st.lists(st.integers(0, 5).map(lambda number: number / 5), min_size=3, max_size=3),
    min_size=2,
    max_size=8,
)


@settings(max_examples=25, deadline=None)
@given(SCORES)
def test_ranks_are_those_of_scipy(scores):
    table = pd.DataFrame(scores, columns=list("abc"))
    expected = scipy_stats.rankdata(-table.to_numpy(), axis=1)
    np.testing.assert_allclose(ranks_of(table), expected)


def test_holm_multiplies_the_smallest_p_by_the_number_of_pairs():
    # A beats B and B beats C on all 8 datasets, by different amounts: every p is 2 / 2^8.
    table = stats.pairwise_tests(
        results([(0.9, 0.5 + row / 100, 0.1 + row / 30) for row in range(8)], "ABC")
    )
    assert table["p_wilcoxon"].tolist() == pytest.approx([2 / 256] * 3)
    assert table["p_holm"].tolist() == pytest.approx([6 / 256] * 3)
    assert table[["wins_x", "wins_y", "ties"]].to_numpy().tolist() == [[8, 0, 0]] * 3
    assert table["note"].unique().tolist() == [""]


def test_a_note_says_that_there_are_too_few_blocks():
    scores = [(0.9, 0.5, 0.1)] * 5
    (row,) = stats.rank_test(results(scores, "ABC")).to_dict("records")
    assert row["note"] == "Wilcoxon's p cannot be below 0.0625 with 5 blocks"
    (row,) = stats.rank_test(results(scores[:2], "ABC")).to_dict("records")
    assert row["note"].startswith("Friedman's test cannot reject at 0.05 with 2 blocks; Nemenyi")
    table = stats.pairwise_tests(results(scores + scores[:1], "ABC"))
    assert table["note"].unique().tolist() == [
        "Wilcoxon's p cannot be below 0.0938 after Holm's correction for 3 pairs"
    ]


def test_blocks_that_all_agree_have_an_infinite_f():
    (row,) = stats.rank_test(results([(0.9, 0.5, 0.1)] * 6, "ABC")).to_dict("records")
    assert row["chi2"] == pytest.approx(12)  # 6 blocks * 2
    assert (row["f"], row["p_f"]) == (np.inf, 0)


def test_ties_everywhere_have_no_statistic():
    (row,) = stats.rank_test(results([(0.5, 0.5, 0.5)] * 4, "ABC")).to_dict("records")
    assert row["note"] == "all nets tie in all blocks"
    assert np.isnan(row["p"])
    assert stats.pairwise_tests(results([(0.5, 0.5)] * 4, "AB"))["p_wilcoxon"].tolist() == [1]


@pytest.mark.parametrize(
    ("scores", "nets", "note"),
    [
        ([(0.5, 0.6)] * 4, "AB", "Friedman's test needs 3 nets on the same datasets; there are 2"),
        ([(0.5,)] * 4, "A", "Friedman's test needs 3 nets on the same datasets; there are 1"),
        ([(0.5, 0.6, 0.7)], "ABC", "Friedman's test needs 2 datasets, not 1"),
    ],
)
def test_a_note_says_why_a_test_is_impossible(scores, nets, note):
    (row,) = stats.rank_test(results(scores, nets)).to_dict("records")
    assert row["note"] == note


def test_incomplete_blocks_are_dropped_and_counted():
    scores = [
        (0.9, 0.5, 0.1, 0.2),
        (0.9, 0.5, 0.1, 0.2),
        (0.9, 0.5, None, 0.1),
        (0.8, 0.7, None, None),
    ]
    frame = results(scores, "ABCD")
    ((where, most),) = stats.complete_blocks(frame)
    assert where == {"task": "t", "metric": "acc"}
    assert most.text == "4 complete blocks of 2 nets; left out: 0 blocks, 2 nets"
    assert most.dropped_nets == ["C", "D"]
    ((_, nets),) = stats.complete_blocks(frame, keep="nets")
    assert nets.scores.shape == (2, 4)
    assert nets.dropped_blocks == ["set-02", "set-03"]


def test_the_best_score_of_a_net_counts_or_that_at_an_epoch():
    rows = results([(0.9, 0.5)], "AB").assign(epoch=2)
    rows = pd.concat([rows, rows.assign(epoch=1, accuracy=[0.1, 0.4])])
    ((_, best),) = stats.complete_blocks(rows)
    ((_, first),) = stats.complete_blocks(rows, epoch=1)
    assert best.scores.to_numpy().tolist() == [[0.9, 0.5]]
    assert first.scores.to_numpy().tolist() == [[0.1, 0.4]]


def test_metrics_are_ranked_separately_unless_they_are_blocks():
    frame = pd.concat([scores := results([(0.9, 0.5)] * 3, "AB"), scores.assign(metric="f1")])
    assert stats.average_ranks(frame)["blocks"].tolist() == [3, 3, 3, 3]
    together = stats.average_ranks(frame, within=("task",))
    assert together["blocks"].tolist() == [6, 6]
    assert together["rank"].tolist() == [1, 2]


def test_nothing_to_rank_is_an_empty_table():
    empty = results([])
    frame = pd.DataFrame(columns=["task", "dataset", "metric", "nn", "accuracy"], data=empty)
    for statistic in (stats.average_ranks, stats.rank_test, stats.pairwise_tests):
        assert statistic(frame.assign(accuracy=frame["accuracy"].astype(float))).empty
    missing = results([(0.5, 0.6)] * 3, "AB").assign(accuracy=np.nan)
    assert stats.rank_test(missing).empty


def test_unknown_options_are_refused(demsar):
    with pytest.raises(SettingsError, match="keep is 'all'; expected blocks or nets"):
        list(stats.complete_blocks(demsar, keep="all"))
    with pytest.raises(SettingsError, match="alpha is 5; expected a number between 0 and 1"):
        stats.rank_test(demsar, alpha=5)
    with pytest.raises(SettingsError, match="the frame has no column 'dataset'"):
        stats.rank_test(demsar.drop(columns="dataset"))


def test_nemenyi_is_named_by_net(demsar):
    scores = demsar.pivot(index="dataset", columns="nn", values="accuracy")
    assert list(nemenyi_of(scores).columns) == sorted(VARIANTS)


def test_complete_blocks_of_the_published_results(published):
    (row, *_) = stats.rank_test(published).to_dict("records")
    sets = published[published["metric"] == "acc"].groupby("nn")["dataset"].nunique()
    assert (row["blocks"], row["nets"]) == (7, (sets == 7).sum())
