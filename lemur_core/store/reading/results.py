"""The results that an exporter writes: read when it asks for them."""

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
from lemur_core.store.reading.reader import best_frame, filters_of, wanted_of
from lemur_core.store.reading.stored_trial import StoredTrial, read_stored_trial
from lemur_core.store.trouble import place

if TYPE_CHECKING:
    from pandas import DataFrame
    from sqlalchemy import Connection, Engine

    from lemur_core.store.reading.epochs import RecordedEpoch
    from lemur_core.store.reading.filters import Filters

FILTERS = tuple(inspect.signature(filters_of).parameters)
"""Arguments of `lemur_core.data` that select rows; the others say how they are given."""
Progress = Callable[[int, int | None], None]


def _silent(done: int, total: int | None) -> None:
    """Show no progress."""


def _says(argument: Any) -> bool:
    """Return whether an argument says more than its default does."""
    return argument is not None and argument is not False and argument not in ((), [], {})


class Results:
    """Recorded results, as far as a user selects them.

    Nothing is read before a method is called. Every row that a method returns meets the user's
    filters; what else the user asked for, only the best rows or certain columns say, applies to
    `frame`.

    Args:
        engine: The database.
        arguments: The user's arguments of `lemur_core.data`, by name, without ``db``.
        progress: Shows how much is done: called with a number and the total, None if unknown.
        warn: Shows a line to the user.
        spelling: What the user calls an argument, ``--best`` say, for error messages.
        command: The command line that asks for them, without passwords.

    Attributes:
        arguments: The arguments of `lemur_core.data` that the user gave, by name; reading them has
            no effect on `check_used`.
        command: The command line that asked for them, without passwords; empty in a program.
        database: The path of the SQLite file or the URL of the database, without its password.
        rows: How many rows `frame` has returned; None if it was not called.
    """

    def __init__(
        self,
        engine: Engine,
        arguments: Mapping[str, Any] | None = None,
        *,
        progress: Progress = _silent,
        warn: Callable[[str], None] = lambda line: None,
        spelling: Mapping[str, str] | None = None,
        command: str = "",
    ) -> None:
        given = {name: value for name, value in (arguments or {}).items() if _says(value)}
        self.engine = engine
        self.arguments: Mapping[str, Any] = given
        self.command = command
        self.database = place(engine)
        self.rows: int | None = None
        self._filters = filters_of(**{name: given[name] for name in given if name in FILTERS})
        self._wanted = {name: given[name] for name in given if name not in FILTERS}
        # Wrong arguments are reported before an exporter begins.
        wanted_of(**self._wanted)
        self._unused = {*given}
        self._progress, self._warn, self._spelling = progress, warn, spelling or {}

    @property
    def filters(self) -> Filters:
        """The conditions that the user's filters make, for a query of one's own."""
        self._unused -= {*FILTERS}
        return self._filters

    def frame(self, **arguments: Any) -> DataFrame:
        """Return a row per trial and epoch, as `lemur_core.data` does.

        Args:
            arguments: Those of `lemur_core.data`, except for ``db``. Filters narrow the user's: a
                row must meet both. The fewer of two ``max_rows`` count.

        Raises:
            SettingsError: The user asked for other columns, or for rows in another form.
            UnknownNameError: There is no such column.
            StoreError: The database cannot be read.
        """
        own = {name: arguments.pop(name) for name in FILTERS if name in arguments}
        filters = replace(filters_of(**own), also=self.filters)
        wanted = wanted_of(**self._joined(arguments))
        frame = self._read(lambda connection: frame_of(connection, filters, wanted))
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

        The best is the one with the highest validation score, as in `best`. What else the user
        asked for than filters is not applied, and `check_used` reports it.

        Raises:
            StoreError: The database cannot be read.
        """
        filters = self.filters
        return self._read(lambda connection: read_epochs(connection, filters))

    def trial(self, uid: str) -> StoredTrial:
        """Return all that was recorded of the trial whose unique id begins so, filters or not.

        Raises:
            UnknownNameError: There is none, or there are several.
            StoreError: The database cannot be read.
        """
        return self._read(lambda connection: read_stored_trial(connection, uid))

    def collection(self, name: str) -> Collection:
        """Return a named set of trials with its spec and members; filters do not apply.

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
        """Show a line to the user: what could not be written as it is, for example."""
        self._warn(line)

    def check_used(self, reader: str) -> None:
        """Check that nothing which the user asked for was ignored.

        Args:
            reader: Who read the results, for the error message.

        Raises:
            SettingsError: What the user asked for had no effect.
        """
        if self._unused:
            names = sorted(self._spelling.get(name, name) for name in self._unused)
            raise SettingsError(f"{reader} does not take {', '.join(names)}")

    def _joined(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return how rows are given: as the user asks, and as the exporter does."""
        joined = dict(self._wanted)
        for name, value in arguments.items():
            theirs = joined.get(name, value)
            if name == "max_rows" and None not in (value, theirs):
                value = min(value, theirs)
            elif theirs != value:
                argument = self._spelling.get(name, name)
                raise SettingsError(f"the exporter sets {name} itself; leave out {argument}")
            joined[name] = value
        self._unused -= {*self._wanted}
        return joined

    def _read(self, work: Callable[[Connection], Result]) -> Result:
        return patiently(self.engine, work)
