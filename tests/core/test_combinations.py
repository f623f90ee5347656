"""Each combination of values is drawn once."""

from itertools import product

import pytest

from lemur_core.search.combinations import Combinations
from lemur_core.space import Choice, Interval

SPACE = {"a": Choice(("x", "y")), "b": Interval(2, 4, integer=True), "c": Choice((True,))}


@pytest.mark.parametrize("taken_count", [0, 2, 5])
def test_each_is_drawn_once(taken_count):
    combinations = Combinations(SPACE, "grid")
    every = [dict(zip("abc", values, strict=True)) for values in product("xy", (2, 3, 4), (True,))]
    for prm in every[:taken_count]:
        combinations.take(prm)
    drawn = []
    while (prm := combinations.draw(len(drawn))) is not None:
        combinations.take(prm)
        drawn.append(prm)
    assert sorted(map(str, drawn)) == sorted(map(str, every[taken_count:]))
    assert (combinations.total, combinations.left) == (6, 0)
    combinations.release(every[3])
    assert combinations.draw(0) == every[3]


def test_a_seed_draws_the_same_combination_whatever_was_drawn_before():
    first, second = Combinations(SPACE, "grid"), Combinations(SPACE, "grid")
    first.draw(1)
    assert first.draw(7) == second.draw(7)
    assert len({str(second.draw(seed)) for seed in range(50)}) == 6


def test_duplicate_values_count_once():
    assert Combinations({"a": Choice((16, 16.0, 32))}, "grid").total == 2


def test_a_vast_space_is_not_listed():
    combinations = Combinations({str(name): Choice((0, 1, 2, 3)) for name in range(40)}, "grid")
    assert combinations.total == 4**40
    prm = combinations.draw(0)
    combinations.take(prm)
    assert combinations.left == 4**40 - 1
