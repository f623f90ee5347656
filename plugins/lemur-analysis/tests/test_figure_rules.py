import warnings
from types import SimpleNamespace

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

from lemur_analysis.testing import FigureRules, sample_frame

RULES = [name for name in dir(FigureRules) if name.startswith("test_")]


def good(frame, ax=None, *, log: bool = False):
    ax = ax or plt.figure().subplots()
    ax.plot(frame["accuracy"].to_numpy())
    return ax


def needs_an_option(frame, ax=None, *, width):
    return good(frame, ax)


def returns_nothing(frame, ax=None):
    good(frame, ax)


def ignores_axes(frame, ax=None):
    return good(frame)


def fails_without_results(frame, ax=None):
    frame["accuracy"].iloc[0]
    return good(frame, ax)


def changes_the_frame(frame, ax=None):
    frame["accuracy"] = 0.0
    return good(frame, ax)


def sets_the_theme(frame, ax=None):
    mpl.rcParams["lines.linewidth"] += 1
    return good(frame, ax)


def warns(frame, ax=None):
    warnings.warn("so many nets", stacklevel=2)
    return good(frame, ax)


def broken(figure):
    """Return the names of the rules that a figure violates."""
    entry = SimpleNamespace(name="one", load=lambda: figure)
    failed = set()
    for name in RULES:
        try:
            getattr(FigureRules(), name)(entry)
        except Exception:
            failed.add(name.removeprefix("test_figure_"))
    return failed


EVERY_DRAWING = {"draws_results", "draws_on_axes_that_are_given", "copes_with_few_results"}


@pytest.mark.parametrize(
    ("figure", "rules"),
    [
        (good, set()),
        (needs_an_option, {"needs_nothing_but_results", *EVERY_DRAWING}),
        (returns_nothing, EVERY_DRAWING),
        (ignores_axes, {"draws_on_axes_that_are_given"}),
        (fails_without_results, {"copes_with_few_results"}),
        (changes_the_frame, {"draws_results"}),
        (sets_the_theme, {"draws_results"}),
        (warns, EVERY_DRAWING),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_rule_finds_a_figure_that_breaks_it(figure, rules):
    with mpl.rc_context():
        assert broken(figure) == rules


def test_the_sample_has_the_columns_of_data():
    assert {"task", "dataset", "metric", "nn", "epoch", "accuracy", "prm"} <= set(sample_frame())
