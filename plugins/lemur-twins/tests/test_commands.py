"""Mistakes in the commands of twins are one line, and cost nothing."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from lemur_core.errors import LemurError
from lemur_twins.cli.group import twins
from lemur_twins.frameworks import FRAMEWORKS

SEARCH = ("search", "MLP", "--framework", "keras-torch", "--dataset")
EXPLAIN = ("explain", "MLP", "--framework", "keras-torch", "--dataset")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*SEARCH, "digi*"), "dataset 'digi*' is a pattern; expected the name of one dataset"),
        ((*EXPLAIN, "digi*"), "dataset 'digi*' is a pattern; expected the name of one dataset"),
        ((*EXPLAIN, "{digits,mnist}"), "is a pattern; expected the name of one dataset"),
        ((*SEARCH, "digits", "--transform", "norm_*"), "unknown transform 'norm_*'"),
        ((*EXPLAIN, "digits", "--transform", "norm_*"), "unknown transform 'norm_*'"),
        ((*EXPLAIN, "digits", "--set", "lrr=1"), "unknown hyperparameter 'lrr'. Did you mean 'lr'"),
        ((*EXPLAIN, "digits", "--set", "batch=7"), "--set batch=...: expected --batch instead"),
        ((*SEARCH, "digits", "--set", "lr"), "'lr': expected NAME=VALUE"),
        ((*SEARCH, "digits", "--range", "lr=2..1"), "range lr=2..1: expected LOW..HIGH"),
        ((*SEARCH, "digits", "--range", "lr=0..1 log"), "a logarithmic scale begins above 0"),
        ((*SEARCH, "digits", "--spaces", "3-99"), "'3-99': expected numbers from 0 to 15"),
        (("search", "MLP", "--framework", "pytorch", "--dataset", "digits"), "what others are"),
    ],
)
def test_a_mistake_is_one_line(here, arguments, message):
    # Importing keras here would import TensorFlow into the process of the tests.
    if missing := FRAMEWORKS["keras-torch"].missing():
        pytest.skip(f"{missing} is not installed")
    result = CliRunner().invoke(twins, list(arguments))
    assert isinstance(result.exception, LemurError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)
    assert not [*Path.cwd().iterdir()]
