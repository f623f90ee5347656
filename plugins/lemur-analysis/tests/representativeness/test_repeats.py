import numpy as np
import pytest
from pandas import DataFrame, concat

from lemur_analysis import representativeness as rep
from lemur_core.errors import SettingsError


def population(nets, repeated, runs, *, noise, rng, dataset="x"):
    """Return errors of nets with variance 1, of which some have several runs with noise."""
    means = rng.normal(0, 1, nets)
    rows = [(f"n{net}", dataset, means[net]) for net in range(nets)]
    rows += [(f"n{net}", dataset, means[net]) for net in range(repeated) for _ in range(runs - 1)]
    frame = DataFrame(rows, columns=["net", "dataset", "error"])
    return frame.assign(error=frame["error"] + rng.normal(0, noise, len(frame)))


def test_the_reliability_is_the_correlation_with_a_repetition():
    rng = np.random.default_rng(1)
    frame = population(3000, 2000, 3, noise=0.5, rng=rng)
    runs = frame.groupby("net").cumcount()
    first, second = (frame[runs == number].set_index("net")["error"] for number in (0, 1))
    measured = first.reindex(second.index).corr(second)
    row = rep.single_run_reliability(frame, method="pearson").iloc[0]
    assert row["reliability"] == pytest.approx(measured, abs=0.02)
    assert row["reliability"] == pytest.approx(1 / 1.25, abs=0.02)
    by_rank = rep.single_run_reliability(frame).iloc[0]["reliability"]
    assert by_rank == pytest.approx(first.reindex(second.index).corr(second, "spearman"), abs=0.02)
    assert (row["nets"], row["repeated"]) == (3000, 2000)
    assert (row["noise"], row["spread"]) == pytest.approx((0.5, np.sqrt(1.25)), rel=0.03)


def test_nets_that_learnt_nothing_do_not_raise_the_ceiling_of_ranks():
    rng = np.random.default_rng(9)
    runs = population(60, 20, 3, noise=1.5, rng=rng)
    # Three nets with far higher errors in all of their runs.
    runs.loc[runs["net"].isin(["n0", "n1", "n2"]), "error"] += 100
    row = rep.single_run_reliability(runs).iloc[0]
    assert row["reliability"] < 0.6
    assert rep.single_run_reliability(runs, method="pearson").iloc[0]["reliability"] > 0.99
    ceilings = rep.single_run_ceilings(concat([runs, runs.assign(dataset="y")]))
    assert ceilings["ceiling"].iloc[0] == pytest.approx(row["reliability"])


def test_the_interval_covers_the_reliability_as_often_as_it_says():
    rng = np.random.default_rng(2)
    rows = [
        rep.single_run_reliability(
            population(60, 6, 4, noise=0.6, rng=rng), method="pearson", level=0.8
        ).iloc[0]
        for _ in range(200)
    ]
    covered = np.mean([row["low"] < 1 / 1.36 < row["high"] for row in rows])
    # The standard deviation of the share is 0.028.
    assert covered == pytest.approx(0.8, abs=0.085)


def test_a_ceiling_is_the_root_of_both_reliabilities():
    rng = np.random.default_rng(3)
    parts = [
        population(50, 6, 4, noise=noise, rng=rng, dataset=name)
        for name, noise in (("a", 0.3), ("b", 0.8))
    ]
    runs = concat(parts)
    alone = rep.single_run_reliability(runs).set_index("dataset")["reliability"]
    pair = rep.single_run_ceilings(runs, reference="b").iloc[0]
    assert [pair["dataset"], pair["other"]] == ["b", "a"]
    assert pair["ceiling"] == pytest.approx(np.sqrt(alone["a"] * alone["b"]))
    assert 0 < pair["low"] < pair["ceiling"] < pair["high"] < 1
    assert rep.single_run_ceilings(runs, reference="b").iloc[0].equals(pair)


def test_noise_above_the_spread_leaves_no_reliability():
    rng = np.random.default_rng(4)
    runs = population(40, 6, 4, noise=20, rng=rng)
    row = rep.single_run_reliability(runs).iloc[0]
    assert row["low"] == 0 <= row["reliability"] <= row["high"] < 1


@pytest.mark.parametrize(("nets", "repeated", "runs"), [(10, 0, 1), (10, 1, 3), (3, 3, 3)])
def test_too_few_repeats_have_no_reliability(nets, repeated, runs):
    frame = population(nets, repeated, runs, noise=0.1, rng=np.random.default_rng(5))
    row = rep.single_run_reliability(frame).iloc[0]
    assert row["repeated"] == repeated
    assert np.isnan(row[["reliability", "low", "high"]].astype(float)).all()
    # Beside another dataset, the ceiling is unknown too.
    other = population(10, 4, 3, noise=0.1, rng=np.random.default_rng(6), dataset="y")
    assert np.isnan(rep.single_run_ceilings(concat([frame, other]))["ceiling"]).all()


def test_errors_without_spread_have_no_reliability():
    frame = population(10, 5, 2, noise=0, rng=np.random.default_rng(7)).assign(error=0.25)
    assert np.isnan(rep.single_run_reliability(frame)["reliability"][0])


def test_levels_lie_between_0_and_1():
    frame = population(10, 5, 2, noise=0.1, rng=np.random.default_rng(8))
    with pytest.raises(SettingsError, match="level is 95; expected a number between 0 and 1"):
        rep.single_run_reliability(frame, level=95)
    with pytest.raises(SettingsError, match="level is 0"):
        rep.single_run_ceilings(frame, level=0)
    with pytest.raises(SettingsError, match="method is 'rank'; expected spearman"):
        rep.single_run_reliability(frame, method="rank")
