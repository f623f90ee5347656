"""The results that an exporter writes, read on demand."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lemur_core.errors import SettingsError
from lemur_core.store.collections import Collection, find_collection
from lemur_core.store.patience import Result, patiently
from lemur_core.store.reading.epochs import read_epochs
from lemur_core.store.reading.frame import frame_of
from lemur_core.store.reading.reader import best_frame, filters_of, frame_options
from lemur_core.store.reading.stored_trial import StoredTrial, read_stored_trial
from lemur_core.store.trouble import place

if TYPE_CHECKING:
    from pandas import DataFrame
    from sqlalchemy import Connection, Engine

    from lemur_core.store.reading.epochs import RecordedEpoch
    from lemur_core.store.reading.filters import Filters

FILTERS = tuple(inspect.signature(filters_of).parameters)
"""Arguments of `lemur_core.data` that filter rows; the others say how rows are presented."""
Progress = Callable[[int, int | None], None]


def _no_progress(done: int, total: int | None) -> None:
    """Show no progress."""


def _is_given(argument: Any) -> bool:
    """Return whether an argument differs from its default."""
    return argument is not None and argument is not False and argument not in ((), [], {})


class Results:
    """The recorded results that a user selected.

    Nothing is read until a method is called. Every row that a method returns matches the user's
    filters; the user's other arguments, for example only the best rows or certain columns, apply
    to `frame` only.

    Args:
        engine: The database.
        arguments: The user's arguments of `lemur_core.data`, by name, without ``db``.
        progress: Shows progress: called with the amount done and the total, None if unknown.
        warn: Shows a line to the user.
        spelling: The user's name for an argument in error messages, for example ``--best``.
        command: The user's command line, without passwords.

    Attributes:
        arguments: The arguments of `lemur_core.data` that the user gave, by name; reading them does
            not mark them as used for `check_used`.
        command: The user's command line, without passwords; empty if used from Python.
        database: The path of the SQLite file or the URL of the database, without its password.
        rows: Total number of rows that `frame` returned; None if it was not called.
    """

    def __init__(
        self,
        engine: Engine,
        arguments: Mapping[str, Any] | None = None,
        *,
        progress: Progress = _no_progress,
        warn: Callable[[str], None] = lambda line: None,
        spelling: Mapping[str, str] | None = None,
        command: str = "",
    ) -> None:
        user_arguments = {
            name: value for name, value in (arguments or {}).items() if _is_given(value)
        }
        self.engine = engine
        self.arguments: Mapping[str, Any] = user_arguments
        self.command = command
        self.database = place(engine)
        self.rows: int | None = None
        self._filters = filters_of(
            **{name: user_arguments[name] for name in user_arguments if name in FILTERS}
        )
        self._options = {
            name: user_arguments[name] for name in user_arguments if name not in FILTERS
        }
        # Report wrong arguments before an exporter starts.
        frame_options(**self._options)
        # An exporter of code writes it, whatever the others leave out.
        self._unused = {*user_arguments} - {"without_code"}
        self._progress, self._warn, self._spelling = progress, warn, spelling or {}

    @property
    def filters(self) -> Filters:
        """The user's filters, for custom queries."""
        self._unused -= {*FILTERS}
        return self._filters

    def frame(self, **arguments: Any) -> DataFrame:
        """Return one row per trial and epoch, as `lemur_core.data` does.

        Args:
            arguments: Arguments of `lemur_core.data`, except for ``db``. Filters narrow the user's
                filters: a row must match both. The smaller ``max_rows`` of the two applies.

        Raises:
            SettingsError: The user requested other columns or another form of rows.
            UnknownNameError: A column does not exist.
            StoreError: The database cannot be read.
        """
        own_filters = {name: arguments.pop(name) for name in FILTERS if name in arguments}
        filters = replace(filters_of(**own_filters), also=self.filters)
        options = frame_options(**self._merged(arguments))
        frame = self._read(lambda connection: frame_of(connection, filters, options))
        self.rows = len(frame) + (self.rows or 0)
        return frame

    def best(self) -> DataFrame:
        """Return the best epoch of each pipeline, as `lemur_core.best` does.

        Raises:
            StoreError: The database cannot be read.
        """
        filters = self.filters
        return self._read(lambda connection: best_frame(connection, filters))

    def epochs(self) -> list[RecordedEpoch]:
        """Return every epoch with the code of its net, best first.

        The best epoch is the one with the highest validation score, as in `best`. Only the user's
        filters apply; `check_used` reports any other argument.

        Raises:
            StoreError: The database cannot be read.
        """
        filters = self.filters
        return self._read(lambda connection: read_epochs(connection, filters))

    def trial(self, uid: str) -> StoredTrial:
        """Return everything recorded of the trial whose unique id starts with ``uid``.

        The user's filters do not apply.

        Raises:
            UnknownNameError: There is no such trial, or there are several.
            StoreError: The database cannot be read.
        """
        return self._read(lambda connection: read_stored_trial(connection, uid))

    def collection(self, name: str) -> Collection:
        """Return a named collection of trials with its spec and members; filters do not apply.

        ``frame(collection=name)`` returns their rows.

        Raises:
            UnknownNameError: There is no such collection.
            StoreError: The database cannot be read.
        """
        return self._read(lambda connection: find_collection(connection, name))

    def progress(self, done: int, total: int | None = None) -> None:
        """Show how much of the work is done, in any unit."""
        self._progress(done, total)

    def warn(self, line: str) -> None:
        """Show a line to the user, for example about a value that had to be changed."""
        self._warn(line)

    def check_used(self, reader: str) -> None:
        """Check that no argument of the user was ignored.

        Args:
            reader: Name of whoever read the results, for the error message.

        Raises:
            SettingsError: An argument had no effect.
        """
        if self._unused:
            names = sorted({self._spelling.get(name, name) for name in self._unused})
            raise SettingsError(f"{reader} does not take {', '.join(names)}")

    def _merged(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Merge the user's arguments about the form of rows with the exporter's."""
        merged = dict(self._options)
        for name, value in arguments.items():
            user_value = merged.get(name, value)
            if name == "max_rows" and None not in (value, user_value):
                value = min(value, user_value)
            elif user_value != value:
                argument = self._spelling.get(name, name)
                raise SettingsError(f"the exporter sets {name} itself; leave out {argument}")
            merged[name] = value
        self._unused -= {*self._options}
        return merged

    def _read(self, work: Callable[[Connection], Result]) -> Result:
        return patiently(self.engine, work)
