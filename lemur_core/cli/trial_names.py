"""Find the trials that a command line names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def trials_named(db: str, names: Sequence[str], *, every: bool = False) -> list[str]:
    """Return the unique ids of the trials with these names, each once, in the order of the names.

    Args:
        db: A database URL, or the path of an SQLite file.
        names: An id or the beginning of one, a number, ``last``, ``best``, the name of a pipeline,
            which stands for its best trial, or a pattern of pipelines such as
            ``img-classification_digits_*``, which stands for the best trial of each.
        every: Whether a pipeline or a pattern stands for all trials instead of the best.

    Raises:
        StoreError: The database does not exist or cannot be read.
        UnknownNameError: A name matches no trial; `AmbiguousTrialError` if it matches several.
        PatternError: A pattern cannot be parsed.
    """
    from lemur_core.store.database import open_engine
    from lemur_core.store.patience import patiently
    from lemur_core.store.trials import matching_trials

    with open_engine(db) as engine:
        trials = patiently(
            engine, lambda connection: matching_trials(connection, names, every=every)
        )
    return [trial.uid for trial in trials]
