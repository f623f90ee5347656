"""Decide which recorded trials count as trials of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_core.store.identity import prm_uid
from lemur_core.values import fits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lemur_core.search.prepare import PreparedStudy
    from lemur_core.store.writing.past_trials import PastTrial
    from lemur_core.trial import State


class Scope:
    """The space or the points of a study, to which its trials belong.

    Trials anywhere in the whole space belong to it, even if the search is restricted later.

    Args:
        ready: The prepared pipeline, with its space or its points.
    """

    def __init__(self, ready: PreparedStudy) -> None:
        self._space, self._points = ready.space, ready.points
        self._uids: dict[int, str] = {}

    def matches(self, past: PastTrial) -> bool:
        """Return whether a trial's hyperparameters are in the space, or among the points."""
        if self._points is not None:
            return self.uid(past) in self._points
        return fits(self._space, past.prm)

    def uid(self, past: PastTrial) -> str:
        """Return the identity of a trial's point, or of its hyperparameters if it has no point."""
        if past.id not in self._uids:
            self._uids[past.id] = self.identity(past.prm, past.seed)
        return self._uids[past.id]

    def identity(self, prm: Mapping[str, Any], seed: int | None) -> str:
        """Return the identity of a trial with these hyperparameters and this seed; see `uid`."""
        uid = prm_uid(prm)
        return uid if self._points is None else self._points.identity(uid, seed)

    def count(self, past: Iterable[PastTrial], *states: State) -> int:
        """Return the number of matching trials in these states, counting each point once."""
        matching = [
            trial for trial in past if trial.state_in_search in states and self.matches(trial)
        ]
        return len(matching) if self._points is None else len(set(map(self.uid, matching)))
