import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas import DataFrame, Series
from pandas.testing import assert_frame_equal
from scipy import stats

from lemur_analysis import representativeness as rep
from lemur_analysis.representativeness.correlation import row_correlations
from lemur_core.errors import SettingsError

from .populations import lists, population


@pytest.fixture
def nets():
    """A population of 40 nets on three datasets with some missing errors."""
    rng = np.random.default_rng(0)
    x = rng.random(40)
    y, z = x + rng.normal(0, 0.2, 40), rng.random(40).round(1)
    y[:3] = np.nan
    return lists(x=x, y=y, z=z)


@pytest.mark.parametrize("method", ["spearman", "kendall", "pearson"])
def test_correlations_are_those_of_pandas(nets, method):
    table = rep.rank_correlations(nets, method=method)
    matrix = rep.error_table(nets).corr(method)
    assert table[["dataset", "other"]].to_numpy().tolist() == [["x", "y"], ["x", "z"], ["y", "z"]]
    expected = [matrix.loc["x", "y"], matrix.loc["x", "z"], matrix.loc["y", "z"]]
    np.testing.assert_allclose(table["correlation"], expected)
    assert table["nets"].tolist() == [37, 40, 37]


def test_a_reference_is_compared_with_the_others_on_common_nets(nets):
    table = rep.rank_correlations(nets, reference="z", common=True)
    whole = rep.error_table(nets).dropna()
    assert table["other"].tolist() == ["x", "y"]
    assert table["nets"].tolist() == [37, 37]
    for row in table.itertuples():
        expected = stats.spearmanr(whole["z"], whole[row.other])
        assert row.correlation == pytest.approx(expected.statistic)
        assert row.p_value == pytest.approx(expected.pvalue)


def test_fishers_interval_of_pearson_is_scipys(nets):
    row = rep.rank_correlations(nets, method="pearson", level=0.9).iloc[0]
    whole = rep.error_table(nets).dropna()
    low, high = stats.pearsonr(whole["x"], whole["y"]).confidence_interval(0.9)
    assert (row["low"], row["high"]) == pytest.approx((low, high))


@pytest.mark.parametrize(
    ("method", "scale", "less"),
    [("spearman", lambda r: 1 + r**2 / 2, 3), ("kendall", lambda r: 0.437, 4)],
)
def test_rank_intervals_have_bonett_and_wrights_variances(nets, method, scale, less):
    row = rep.rank_correlations(nets, method=method).iloc[0]
    width = 1.959964 * math.sqrt(scale(row["correlation"]) / (37 - less))
    z = math.atanh(row["correlation"])
    expected = (math.tanh(z - width), math.tanh(z + width))
    assert (row["low"], row["high"]) == pytest.approx(expected, abs=1e-6)


def test_the_bootstraps_interval_is_near_scipys(nets):
    row = rep.rank_correlations(nets, interval="bootstrap", level=0.5).iloc[0]
    whole = rep.error_table(nets).dropna()
    scipys = stats.bootstrap(
        (whole["x"], whole["y"]),
        lambda a, b: stats.spearmanr(a, b).statistic,
        paired=True,
        vectorized=False,
        method="percentile",
        confidence_level=0.5,
        n_resamples=999,
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert (row["low"], row["high"]) == pytest.approx(tuple(scipys), abs=0.02)
    assert row["high"] - row["low"] > 0.05
    again = rep.rank_correlations(nets, interval="bootstrap", level=0.5)
    assert again.iloc[0].equals(row)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=3, max_size=8),
    st.sampled_from(["spearman", "kendall", "pearson"]),
)
def test_correlations_of_many_rows_are_scipys(pairs, method):
    x, y = np.array(pairs, dtype=float).T
    constant = len(set(x)) == 1 or len(set(y)) == 1
    function = {"spearman": stats.spearmanr, "kendall": stats.kendalltau, "pearson": stats.pearsonr}
    expected = np.nan if constant else function[method](x, y).statistic
    both = row_correlations(np.stack([x, x[::-1]]), np.stack([y, y[::-1]]), method)
    np.testing.assert_allclose(both, [expected, expected], atol=1e-12)


def test_undefined_correlations_are_nan():
    few = rep.rank_correlations(lists(x=[0.1, 0.2], y=[0.3, 0.4])).iloc[0]
    assert few["nets"] == 2
    assert np.isnan(few["correlation"])
    constant = rep.rank_correlations(lists(x=[0.1, 0.2, 0.3, 0.4], y=[0.5] * 4)).iloc[0]
    assert constant["nets"] == 4
    assert np.isnan(constant["correlation"])


def test_perfect_agreement_has_no_fisher_interval():
    row = rep.rank_correlations(lists(x=[0.1, 0.2, 0.3, 0.4], y=[0.5, 0.6, 0.7, 0.8])).iloc[0]
    assert row["correlation"] == pytest.approx(1)
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])


def test_one_dataset_has_no_pairs():
    assert rep.rank_correlations(lists(x=[0.1, 0.2])).empty
    assert rep.rank_correlations(lists(x=[np.nan])).empty


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"reference": "w"}, "no dataset 'w' in the results; they have x, y, z"),
        ({"method": "rho"}, "method is 'rho'; expected spearman, kendall, pearson"),
        ({"interval": "t"}, "interval is 't'; expected fisher, bootstrap"),
        ({"level": 95}, "level is 95; expected a number between 0 and 1"),
    ],
)
def test_unknown_arguments_are_refused(nets, options, text):
    with pytest.raises(SettingsError) as error:
        rep.rank_correlations(nets, **options)
    assert str(error.value) == text


def test_the_error_is_correlated_with_the_cumulative_depth_and_width():
    depth = {"a": 1, "b": 2, "c": 3, "d": 4}
    frame = population(
        {"big": {"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1}, "tiny": {"a": 0.1, "b": 0.2, "c": 0.4}},
        depth_1=depth,
        depth_2=depth,
        width_1={"a": 8, "b": 32, "c": 16, "d": 8},
        width_2={"a": 8, "b": 8, "c": 8, "d": 64},
    )
    table = rep.complexity_correlations(frame)
    # Totals of depth 2, 4, 6, 8, and of width 16, 40, 24, 72: by hand, 1 - 6 sum d^2 / (n^3 - n).
    expected = DataFrame(
        {
            "dataset": ["big", "big", "tiny", "tiny"],
            "complexity": ["depth", "width", "depth", "width"],
            "nets": [4, 4, 3, 3],
            "correlation": [-1, -0.8, 1, 0.5],
        }
    )
    assert_frame_equal(table[list(expected)], expected, check_dtype=False)


def test_a_correlation_counts_rows_with_both_values():
    value = rep.correlation(Series([1, 2, 3, np.nan]), Series([2.0, 4, 6, 8]))
    assert value.nets == 3
    assert value.correlation == pytest.approx(1)
