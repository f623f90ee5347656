"""The pairs of a search that are recorded in a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import lemur_core
from lemur_core.errors import UnknownNameError
from lemur_twins.search.proposals import KnownPair
from lemur_twins.search.spec import EPOCHS
from lemur_twins.twin import TASK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pandas import DataFrame

    from lemur_twins.search.spec import TwinSearch

KIND = "pair"
NAME, SPACE, PLACE, DIFFERENCE = "name", "space", "place", "difference"
"""Values of the fact of a pair: its name; the number of its sub-space, and its place there, from 0;
and the absolute difference of the scores after the last epoch, 0 to 1, if both trials have one."""
_ENDED = ("finished", "failed")


class EndedTrial(NamedTuple):
    """A trial that ended.

    Attributes:
        uid: Its unique id.
        score: Its test score after its last epoch, 0 to 1; None if it failed.
        reason: Why it failed.
    """

    uid: str
    score: float | None
    reason: str


def fact_of(collection: str) -> str:
    """Return the name of the fact of both trials of a pair.

    It names the collection, as a trial can be part of pairs of several searches.
    """
    return f"pair.{collection}"


def read_known(search: TwinSearch, db: str) -> list[list[KnownPair]]:
    """Return the recorded pairs of each sub-space, in their order."""
    spaces: list[dict[int, KnownPair]] = [{} for _ in search.spaces]
    try:
        rows = lemur_core.trials(collection=search.name, db=db)
    except UnknownNameError:
        return [[] for _ in spaces]
    first = rows[rows["role"] == next(iter(search.nets))]
    for row in first.to_dict("records"):
        pair = row["facts"].get(fact_of(search.name))
        # Pairs of others may have been merged into the collection.
        if pair is not None and pair[SPACE] < len(spaces):
            prm = row["prm"] | {EPOCHS: row["epochs"]}
            spaces[pair[SPACE]][pair[PLACE]] = KnownPair(prm, pair.get(DIFFERENCE))
    return [[pairs[place] for place in sorted(pairs)] for pairs in spaces]


def ended_trials(
    search: TwinSearch, points: Sequence[Mapping[str, Any]], epochs: int, db: str
) -> list[dict[str, EndedTrial]]:
    """Return the trials of each point that ended, by role.

    Args:
        search: The search.
        points: Hyperparameters, without the number of epochs.
        epochs: Number of epochs of all points.
        db: The database.
    """
    by_point: list[dict[str, EndedTrial]] = [{} for _ in points]
    shared = {name: value for name, value in search.fixed.items() if name != EPOCHS}
    shared["transform"] = search.transform
    for role, net in search.nets.items():
        rows = lemur_core.trials(TASK, search.dataset, search.metric, net, db=db)
        is_own = (rows["epochs"] == epochs) & (rows["seed"] == search.seed)
        rows = rows[rows["state"].isin(_ENDED) & is_own]
        scores = _last_scores([*rows["trial"]], db)
        for ended, point in zip(by_point, points, strict=True):
            # The newest one, if a training was repeated.
            for row in _matching(rows, {**shared, **point}):
                is_finished = row["state"] == "finished"
                score = scores.get(row["trial"]) if is_finished else None
                ended[role] = EndedTrial(row["trial"], score, row["reason"] or "")
    return by_point


def _matching(rows: DataFrame, point: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    for row in rows.to_dict("records"):
        if all(row["prm"].get(name) == value for name, value in point.items()):
            yield row


def _last_scores(trials: Sequence[str], db: str) -> dict[str, float]:
    """Return the test score of each trial after its last epoch."""
    if not trials:
        return {}
    columns = ["trial", "epoch", "accuracy"]
    rows = lemur_core.data(where={"trial": [*trials]}, columns=columns, db=db)
    last = rows.sort_values("epoch", kind="stable").drop_duplicates("trial", keep="last")
    return dict(zip(last["trial"], last["accuracy"].astype(float), strict=True))
