"""Fits against SciPy's, begun from many places."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from lemur_core.errors import SettingsError
from lemur_estimators.fit import LEAST_A, MOST_A, fit

STARTS = 20


def model(parameters, x):
    a, b, c = parameters
    # As a power of e: b^(c - x) itself overflows on the way to a fit.
    return a - np.exp(np.clip((c - x) * np.log(b), -700, 700))


def scipys_best(x, y, drawn):
    """Return the least sum of squares of several starts within the same bounds."""
    low, high = [LEAST_A, 1 + 1e-9, 0.0], [MOST_A, np.inf, np.inf]
    starts = [(10, 1.001, 100)] + [
        (drawn.uniform(1, 100), 1 + drawn.exponential(1), drawn.uniform(0, 20))
        for _ in range(STARTS - 1)
    ]
    found = [
        least_squares(lambda p: model(p, x) - y, start, bounds=(low, high)).cost for start in starts
    ]
    return 2 * min(found)


@pytest.mark.parametrize("seed", range(12))
def test_no_fit_is_worse_than_scipys_best(seed):
    drawn = np.random.default_rng(seed)
    x = np.arange(1, drawn.integers(5, 16)).astype(float)
    true = (drawn.uniform(10, 95), drawn.uniform(1.05, 3), drawn.uniform(0, 6))
    noise = drawn.choice([0.1, 1.0, 5.0])
    y = np.clip(model(true, x) + noise * drawn.standard_normal(len(x)), 0, 100)
    ours = float(fit(x, y[None]).residual[0])
    assert ours <= 1.0001 * scipys_best(x, y, drawn) + 1e-9


def test_what_is_fitted_is_the_model_within_the_bounds():
    drawn = np.random.default_rng(0)
    x = np.arange(1.0, 11.0)
    y = np.clip(np.cumsum(drawn.uniform(-2, 8, (200, 10)), 1), 0, 100)
    a, b, c, residual = fit(x, y)
    assert ((a >= LEAST_A) & (a <= MOST_A)).all()
    assert (b >= 1).all()
    assert (c >= 0).all()
    curved = b < 1e15
    squares = [((model(p, x) - each) ** 2).sum() for *p, each in zip(a, b, c, y, strict=True)]
    np.testing.assert_allclose(residual[curved], np.array(squares)[curved], rtol=1e-5, atol=1e-6)


def test_a_curve_of_the_model_is_found_again():
    x = np.arange(1.0, 9.0)
    a, b, c, residual = (one[0] for one in fit(x, model((80.0, 1.5, 9.0), x)[None]))
    assert (a, b, c) == pytest.approx((80, 1.5, 9), rel=1e-4)
    assert residual < 1e-6


def test_many_curves_at_once_are_fitted_as_each_is_alone():
    drawn = np.random.default_rng(1)
    x, y = np.arange(1.0, 8.0), np.sort(drawn.uniform(0, 100, (50, 7)), 1)
    together = np.stack(fit(x, y))
    alone = np.stack([np.concatenate(fit(x, each[None])) for each in y], 1)
    np.testing.assert_allclose(together, alone, rtol=1e-9)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1, 2], [1, 2], "a curve of 2 points; expected 3 or more"),
        ([1, 2, 3], [1, np.nan, 3], "a curve has a point that is not a number"),
        ([1, 3, 2], [1, 2, 3], "a curve's epochs do not rise; expected each later than the one"),
    ],
)
def test_what_is_no_curve_is_refused(x, y, message):
    with pytest.raises(SettingsError) as caught:
        fit(np.array(x, float), np.array([y], float))
    assert str(caught.value).startswith(message)
