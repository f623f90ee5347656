"""The name of a zoo's dataset."""

from __future__ import annotations

from lemur_core import Pattern, compose, installed
from lemur_core.errors import SettingsError
from lemur_zoo.spec.spec import METRIC, TASK


def dataset_named(text: str) -> str:
    """Return the name of a dataset as the database records it, with its restriction.

    Args:
        text: The name of one dataset; a restriction can follow in brackets.

    Raises:
        LemurError: It is a pattern, no such dataset is installed, or it has no classes of images.
    """
    pattern = Pattern((TASK,), (text,), (METRIC,))
    if not pattern.literals["dataset"]:
        raise SettingsError(f"dataset {text!r} is a pattern; expected the name of one dataset")
    return compose(installed(), [pattern])[0].dataset
