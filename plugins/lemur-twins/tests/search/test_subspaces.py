from itertools import product

import pytest
from optuna.distributions import FloatDistribution, IntDistribution

from lemur_core.errors import SettingsError
from lemur_twins.search.spec import RANGES
from lemur_twins.search.subspaces import sub_spaces


def ends(limits):
    return limits.low, limits.high


def test_four_halved_ranges_are_sixteen_sub_spaces():
    spaces = sub_spaces(RANGES)
    assert [space.number for space in spaces] == [*range(16)]
    halves = {
        "lr": ((1e-8, 0.075), (0.025, 0.1)),
        "epochs": ((1, 37), (14, 50)),
        "adam_epsilon": ((1e-8, 0.75), (0.25, 1.0)),
        "batch": ((10, 752), (258, 1000)),
    }
    # Each half is three quarters of its range, as the halves of the published pairs.
    for space, digits in zip(spaces, product((0, 1), repeat=4), strict=True):
        for (name, limits), digit in zip(space.ranges.items(), digits, strict=True):
            assert ends(limits) == pytest.approx(halves[name][digit], rel=1e-6)


def test_a_logarithmic_range_is_halved_on_its_scale():
    low, high = (
        space.ranges["lr"] for space in sub_spaces({"lr": FloatDistribution(1e-4, 1, log=True)})
    )
    assert ends(low) == pytest.approx((1e-4, 0.1))
    assert ends(high) == pytest.approx((1e-3, 1))
    assert low.log
    assert high.log


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [(0, ((1, 5), (6, 10))), (1, ((1, 10), (1, 10))), (0.5, ((1, 7), (4, 10)))],
)
def test_the_overlap_extends_both_halves(overlap, expected):
    spaces = sub_spaces({"epochs": IntDistribution(1, 10)}, overlap)
    assert tuple(ends(space.ranges["epochs"]) for space in spaces) == expected


def test_ends_of_logarithmic_whole_numbers_are_exact():
    low, high = (
        space.ranges["batch"]
        for space in sub_spaces({"batch": IntDistribution(8, 512, log=True)}, 1 / 3)
    )
    assert (ends(low), ends(high)) == ((8, 128), (32, 512))


@pytest.mark.parametrize("overlap", [-0.1, 1.5, float("nan")])
def test_an_overlap_lies_between_0_and_1(overlap):
    with pytest.raises(SettingsError, match="overlap is .*; expected a number from 0 to 1"):
        sub_spaces(RANGES, overlap)


def test_a_sub_space_holds_what_lies_in_all_of_its_ranges():
    first, *_, last = sub_spaces(RANGES)
    prm = {"lr": 0.05, "epochs": 20, "adam_epsilon": 0.5, "batch": 500}
    assert first.holds(prm)
    assert last.holds(prm)
    assert not last.holds(prm | {"batch": 257})
    assert not first.holds(prm | {"lr": 0.076})
    assert not first.holds({"lr": 0.05})
