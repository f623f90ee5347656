import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from lemur_core.errors import SettingsError
from lemur_estimators.fit import LEAST_A, MOST_A, fit

BOUNDS = ([0.5, 1, 0], [102.5, np.inf, np.inf])


def model(x, a, b, c):
    with np.errstate(over="ignore"):
        return a - np.exp(np.minimum((c - x) * math.log(b), 600))


def best_of_twenty_starts(x, y, rng):
    """Return SciPy's least sum of squares; starts that overflow are skipped."""
    least = math.inf
    for _ in range(20):
        start = (rng.uniform(1, 100), 1 + 10 ** rng.uniform(-3, 1), rng.uniform(0, 30))
        try:
            result = least_squares(lambda p: model(x, *p) - y, start, bounds=BOUNDS)
        except ValueError:
            continue
        least = min(least, 2 * result.cost)
    return least


percents = st.lists(st.floats(0, 100), min_size=3, max_size=14)
learning = st.builds(
    lambda end, gain, time, noise: [
        min(100, max(0, end - gain * math.exp(-i / time) + error)) for i, error in enumerate(noise)
    ],
    st.floats(2, 99),
    st.floats(0, 80),
    st.floats(0.3, 40),
    st.lists(st.floats(-1, 1), min_size=3, max_size=14),
)


@settings(max_examples=25, deadline=None)
@given(st.one_of(percents, learning), st.integers(0, 1000))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_no_fit_is_worse_than_scipys_best_of_twenty(scores, seed):
    x, y = np.arange(1.0, len(scores) + 1), np.array(scores)
    best = best_of_twenty_starts(x, y, np.random.default_rng(seed))
    fitted = fit(x, y[None])
    assert fitted.residual[0] <= 1.0001 * best + 1e-9 * (1 + (y**2).sum())


@settings(max_examples=50, deadline=None)
@given(percents)
def test_a_fit_is_within_the_bounds_and_has_the_returned_residual(scores):
    x, y = np.arange(1.0, len(scores) + 1), np.array(scores)
    [a], [b], [c], [residual] = fit(x, y[None])
    assert LEAST_A - 1e-9 <= a <= MOST_A + 1e-9
    assert b >= 1
    assert c >= 0
    # Compute b^(c-x) with logarithms, because b may overflow a float.
    curve = a - np.exp((c - x) * np.log(b)) if np.isfinite(b) else np.full(len(x), a)
    assert ((curve - y) ** 2).sum() == pytest.approx(residual, abs=1e-3, rel=1e-3)


def test_the_parameters_of_a_curve_of_the_model_are_found():
    x = np.arange(1.0, 15)
    for a, b, c in ((80.0, 1.5, 9.0), (25.7, 1.376, 9.6), (99.0, 3.0, 4.0), (12.0, 1.1, 3.0)):
        fitted = fit(x, model(x, a, b, c)[None])
        assert [float(values[0]) for values in fitted[:3]] == pytest.approx([a, b, c], rel=1e-3)


def test_many_curves_are_fitted_like_single_curves():
    x, rng = np.arange(1.0, 11), np.random.default_rng(3)
    y = rng.uniform(0, 100, (30, 10))
    together = fit(x, y)
    single = [fit(x, curve[None]) for curve in y]
    assert together.residual == pytest.approx([fitted.residual[0] for fitted in single], rel=1e-9)


def test_epochs_need_not_be_uniform():
    x = np.array([1.0, 1.5, 4.0, 9.0, 9.25])
    fitted = fit(x, model(x, 70.0, 1.4, 11.0)[None])
    assert [float(values[0]) for values in fitted[:3]] == pytest.approx([70, 1.4, 11], rel=1e-3)


def test_the_limit_of_a_constant_curve_is_the_constant():
    assert fit(np.arange(1.0, 8), np.full((1, 7), 42.0)).a[0] == pytest.approx(42, abs=1e-6)


def test_the_limit_of_a_falling_curve_is_its_mean():
    # The best rising curve is flat.
    fitted = fit(np.arange(1.0, 6), np.array([[50.0, 40, 30, 20, 10]]))
    assert fitted.a[0] == pytest.approx(30, abs=1e-6)
    assert fitted.residual[0] == pytest.approx(1000, abs=1e-6)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1, 2], [1, 2], "a curve of 2 points; expected 3 or more"),
        ([1, 2, 3], [1, math.nan, 3], "a curve has a point that is not a number"),
        (
            [1, 3, 3],
            [1, 2, 3],
            "a curve's epochs do not rise; expected each later than the one before",
        ),
    ],
)
def test_curves_that_cannot_be_fitted_are_refused(x, y, message):
    with pytest.raises(SettingsError) as raised:
        fit(np.array(x, float), np.array([y], float))
    assert str(raised.value) == message
