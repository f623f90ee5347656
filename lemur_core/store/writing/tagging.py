"""Tag trials and attach notes to them; both are facts, and exported and merged as such."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, Engine, select

from lemur_core.fact import WHOLE_TRIAL
from lemur_core.store import schema
from lemur_core.store.facts import write_facts
from lemur_core.store.patience import patiently
from lemur_core.store.trials import TrialId, find_trials, trial_labels
from lemur_core.tags import NOTE, check_note, tag_fact

if TYPE_CHECKING:
    from collections.abc import Sequence


class Change(NamedTuple):
    """A change of a trial's tag or note.

    Attributes:
        label: What to call the trial in a message.
        before: The value before; None if there was none.
        after: The value after; None if there is none.
    """

    label: str
    before: Any
    after: Any


def tag(engine: Engine, name: str, trials: Sequence[str], *, remove: bool = False) -> list[Change]:
    """Add a tag to trials, or remove it from them, in one transaction.

    Args:
        engine: The database.
        name: The tag.
        trials: Names of trials, as for `lemur_core.store.trials.find_trial`.
        remove: Whether to remove the tag.

    Raises:
        FactError: The name cannot be that of a tag.
        UnknownNameError: A name matches no trial, or several.
    """
    return _set(engine, tag_fact(name), None if remove else True, trials)


def annotate(engine: Engine, text: str | None, trials: Sequence[str]) -> list[Change]:
    """Attach a note to trials in place of the one that they have, in one transaction.

    Args:
        engine: The database.
        text: The note; None removes it.
        trials: Names of trials, as for `lemur_core.store.trials.find_trial`.

    Raises:
        FactError: The text cannot be a note.
        UnknownNameError: A name matches no trial, or several.
    """
    return _set(engine, NOTE, None if text is None else check_note(text), trials)


def _set(engine: Engine, fact: str, value: Any, names: Sequence[str]) -> list[Change]:
    def write(connection: Connection) -> list[Change]:
        trials = list(dict.fromkeys(find_trials(connection, names)))
        labels = trial_labels(connection, trials)
        return [
            Change(label, _replace(connection, trial, fact, value), value)
            for trial, label in zip(trials, labels, strict=True)
        ]

    return patiently(engine, write)


def _replace(connection: Connection, trial: TrialId, fact: str, value: Any) -> Any:
    """Set or, for None, delete a fact of a trial; return its value before."""
    columns = schema.fact.c
    this = (columns.trial_id == trial.id, columns.epoch == WHOLE_TRIAL, columns.name == fact)
    before = connection.execute(select(columns.value).where(*this)).scalar()
    if value is None:
        connection.execute(schema.fact.delete().where(*this))
    else:
        write_facts(connection, trial.id, WHOLE_TRIAL, {fact: value}, replace=True)
    return before
