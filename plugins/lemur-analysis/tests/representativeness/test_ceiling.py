import numpy as np
import pytest
from pandas import DataFrame, concat

from lemur_analysis import representativeness as rep
from lemur_analysis.representativeness import ceiling
from lemur_core.errors import SettingsError


def runs(values, dataset="x"):
    """Return a population of runs from ``[[errors of a net], ...]``."""
    rows = [(f"n{at}", dataset, error) for at, of in enumerate(values) for error in of]
    return DataFrame(rows, columns=["net", "dataset", "error"])


def test_runs_without_spread_are_reliable():
    row = rep.noise_ceiling(runs([[at / 10] * 2 for at in range(6)])).iloc[0]
    assert (row["nets"], row["runs"]) == (6, 2)
    assert row["half"] == pytest.approx(1)
    assert (row["reliability"], row["low"], row["high"]) == pytest.approx((1, 1, 1))


def test_two_noisy_runs_have_the_reliability_of_spearman_and_brown():
    rng = np.random.default_rng(3)
    values = rng.normal(0, 1, (600, 1)) + rng.normal(0, 1, (600, 2))
    row = rep.noise_ceiling(runs(values), method="pearson", splits=20, resamples=50).iloc[0]
    # The variance between nets is half of the total variance: 2 * 0.5 / 1.5.
    assert row["half"] == pytest.approx(0.5, abs=0.05)
    assert row["reliability"] == pytest.approx(2 / 3, abs=0.05)
    assert row["low"] < 2 / 3 < row["high"]


def test_intervals_of_many_nets_use_fewer_splits_in_blocks(monkeypatch):
    rng = np.random.default_rng(5)
    frame = runs(rng.normal(0, 1, (200, 1)) + rng.normal(0, 0.5, (200, 4)))
    every = rep.noise_ceiling(frame, splits=30, resamples=60).iloc[0]
    # 200 nets and 60 resamples leave 4 of 30 splits.
    monkeypatch.setattr(ceiling, "_MOST_DRAWN", 4 * 60 * 200)
    few = rep.noise_ceiling(frame, splits=30, resamples=60).iloc[0]
    assert few["reliability"] == every["reliability"]
    assert 0 < abs(few["low"] - every["low"]) < 0.01
    assert 0 < abs(few["high"] - every["high"]) < 0.01
    monkeypatch.setattr(ceiling, "_BLOCK", 4 * 200 * 7)
    assert rep.noise_ceiling(frame, splits=30, resamples=60).iloc[0].equals(few)


def test_runs_that_only_differ_by_chance_are_not_reliable():
    values = np.random.default_rng(4).random((300, 2))
    row = rep.noise_ceiling(runs(values), splits=20, resamples=50).iloc[0]
    assert row["reliability"] == pytest.approx(0, abs=0.15)
    assert row["low"] >= 0


def test_the_best_run_of_a_half_is_the_one_to_be_selected():
    # The fourth run has the lowest error in some nets, but is selected in no half.
    values = [[at / 10, at / 10, at / 10, 0.5 - at / 10] for at in range(6)]
    frame = runs(values).assign(selection=[0.1, 0.1, 0.1, 0.9] * 6)
    assert rep.noise_ceiling(frame)["half"][0] == pytest.approx(1)
    assert rep.noise_ceiling(frame.drop(columns="selection"))["half"][0] < 0.9


def test_nets_with_one_run_do_not_count():
    values = [[at / 10, at / 10] for at in range(4)]
    assert rep.noise_ceiling(runs([*values, [0.9]]))["nets"].tolist() == [4]


def test_three_nets_have_no_ceiling():
    row = rep.noise_ceiling(runs([[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]])).iloc[0]
    assert row["nets"] == 3
    assert np.isnan(row["reliability"])
    assert np.isnan(row["low"])
    once = rep.noise_ceiling(runs([[0.1], [0.2]])).iloc[0]
    assert (once["nets"], once["reliability"]) == (0, pytest.approx(np.nan, nan_ok=True))


def test_the_ceiling_of_a_pair_is_the_root_of_the_product():
    rng = np.random.default_rng(5)
    spread = {"x": 0.5, "y": 1.0, "z": 0.0}
    true = rng.normal(0, 1, (50, 1))
    frame = concat(runs(true + rng.normal(0, std, (50, 2)), name) for name, std in spread.items())
    alone = rep.noise_ceiling(frame, splits=10, resamples=20).set_index("dataset")["reliability"]
    pairs = rep.pair_ceilings(frame, reference="x", splits=10, resamples=20).set_index("other")
    assert pairs["ceiling"]["y"] == pytest.approx(np.sqrt(alone["x"] * alone["y"]))
    assert pairs["ceiling"]["z"] == pytest.approx(np.sqrt(alone["x"]))
    assert len(rep.pair_ceilings(frame, splits=5, resamples=5)) == 3


def test_the_draws_depend_on_the_seed_alone():
    values = np.random.default_rng(6).random((8, 3))
    first, second = (rep.noise_ceiling(runs(values), resamples=20) for _ in range(2))
    assert first.equals(second)
    assert not first.equals(rep.noise_ceiling(runs(values), resamples=20, seed=1))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"splits": 0}, "splits is 0; expected a whole number from 1"),
        ({"resamples": 0}, "resamples is 0; expected a whole number from 1"),
        ({"level": 1}, "level is 1; expected a number between 0 and 1"),
    ],
)
def test_arguments_out_of_range_are_refused(options, text):
    with pytest.raises(SettingsError) as error:
        rep.noise_ceiling(runs([[0.1, 0.2]]), **options)
    assert str(error.value) == text
    with pytest.raises(SettingsError):
        rep.pair_ceilings(runs([[0.1, 0.2]]), **options)


def test_without_runs_the_frame_is_empty():
    assert rep.noise_ceiling(runs([])).empty
    assert rep.pair_ceilings(runs([])).empty
