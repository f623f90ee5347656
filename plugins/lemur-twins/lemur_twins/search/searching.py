"""Search: propose a pair in each sub-space, train both nets, and record how much they differ."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import lemur_core
from lemur_core import Settings
from lemur_core.code_facts import code_database
from lemur_twins.search.known import (
    DIFFERENCE,
    KIND,
    NAME,
    PLACE,
    SPACE,
    ended_trials,
    fact_of,
    read_known,
)
from lemur_twins.search.proposals import propose
from lemur_twins.search.spec import EPOCHS, SEED
from lemur_twins.twin import TASK

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from lemur_core import Summary
    from lemur_twins.search.known import EndedTrial
    from lemur_twins.search.spec import TwinSearch

# A campaign whose time is over at once still says what is left.
_LEAST_S = 0.1


class Proposal(NamedTuple):
    """A pair to train.

    Attributes:
        space: Number of its sub-space.
        place: Its place among the pairs of the sub-space, from 0.
        prm: Its hyperparameters, without the number of epochs.
        epochs: The number of epochs.
    """

    space: int
    place: int
    prm: Mapping[str, Any]
    epochs: int


@dataclass
class SearchOutcome:
    """What became of a search.

    Attributes:
        pairs: Number of recorded pairs, earlier ones included.
        wanted: Number of pairs that were wanted.
        is_interrupted: Whether the user interrupted it.
        is_timed_out: Whether its time was over.
    """

    pairs: int = 0
    wanted: int = 0
    is_interrupted: bool = False
    is_timed_out: bool = False

    @property
    def exit_status(self) -> int:
        """0 if all pairs are recorded or the time was over, else 1; 130 if interrupted."""
        if self.is_interrupted:
            return 130
        return int(self.pairs < self.wanted and not self.is_timed_out)


def run_search(
    search: TwinSearch,
    say: Callable[[str], None],
    *,
    spaces: Collection[int] = (),
    db: str = "lemur.db",
    data: str = "data",
    time_limit: str = "",
    **settings: Any,
) -> SearchOutcome:
    """Search until each sub-space has its pairs, and record them in the search's collection.

    A pair is proposed in each sub-space in turn, from the pairs that are recorded in it. Both nets
    are then trained with its hyperparameters and the same seed. A training that fails does not stop
    the search; its pair is kept, without a difference.

    Args:
        search: The search.
        say: Called with a line for each pair.
        spaces: Numbers of the sub-spaces to search, to divide a search among processes; empty
            means all.
        db: The database.
        data: Folder of the datasets.
        time_limit: Time after which no training starts, for example ``2h30m``; empty for no limit.
        settings: Further settings of the campaigns, for example ``workers``.

    Raises:
        CollectionError: The collection belongs to another search.
        SettingsError: A setting is invalid.
    """
    seconds = Settings.of({"time": time_limit}).time if time_limit else None
    ends = None if seconds is None else time.monotonic() + seconds
    with code_database(db, create=True):
        lemur_core.collect(search.name, kind=KIND, spec=search.spec, db=db)
    chosen = sorted(spaces) or range(len(search.spaces))
    outcome = SearchOutcome(wanted=len(chosen) * search.trials)
    while proposals := [*_round(search, chosen, db)]:
        for epochs, group in _by_epochs(proposals).items():
            campaign = campaign_of(search, group, epochs) | {"db": db, "data": data} | settings
            if ends is not None:
                campaign["time"] = f"{max(ends - time.monotonic(), _LEAST_S):.1f}s"
            summary = lemur_core.run(**campaign)
            _record(search, group, epochs, db, say)
            _note_end(outcome, summary)
            if outcome.is_interrupted or outcome.is_timed_out:
                outcome.pairs = _count(search, chosen, db)
                return outcome
        before, outcome.pairs = outcome.pairs, _count(search, chosen, db)
        if outcome.pairs == before:
            say("no pair of this round could be trained; the same command tries again")
            return outcome
    outcome.pairs = _count(search, chosen, db)
    if outcome.pairs < outcome.wanted:
        say(f"{outcome.wanted - outcome.pairs:,} pairs are missing: all values are taken")
    return outcome


def campaign_of(search: TwinSearch, group: Collection[Proposal], epochs: int) -> dict[str, Any]:
    """Return the settings of the campaign that trains both nets of several pairs."""
    fixed = {name: value for name, value in search.fixed.items() if name != EPOCHS}
    points = [fixed | dict(proposal.prm) for proposal in group]
    # The ranges of the nets become what is searched.
    values = {name: list(dict.fromkeys(point[name] for point in points)) for name in points[0]}
    return {
        "task": TASK,
        "dataset": search.dataset,
        "metric": search.metric,
        "net": [*search.nets.values()],
        "transform": search.transform,
        # With the same seed, both nets see the samples in the same order.
        "points": [point | {SEED: search.seed} for point in points],
        "prm": values,
        "epochs": epochs,
        # However many pairs fail, the others are trained.
        "fail_attempts": len(points) + 1,
    }


def _round(search: TwinSearch, chosen: Collection[int], db: str) -> Iterator[Proposal]:
    """Yield the next pair of each sub-space that lacks some."""
    known = read_known(search, db)
    taken = [
        {name: pair.prm.get(name) for name in search.ranges} for pairs in known for pair in pairs
    ]
    for number in chosen:
        if len(known[number]) >= search.trials:
            continue
        space = search.spaces[number]
        prm = propose(space, known[number], taken=taken, sampler=search.sampler, seed=search.seed)
        if prm is None:
            # All of a small sub-space is taken.
            continue
        taken.append(prm)
        epochs = int(prm.get(EPOCHS, search.fixed.get(EPOCHS, 1)))
        others = {name: value for name, value in prm.items() if name != EPOCHS}
        yield Proposal(number, len(known[number]), others, epochs)


def _by_epochs(proposals: Collection[Proposal]) -> dict[int, list[Proposal]]:
    """Return the proposals by their number of epochs, which a campaign has one of."""
    groups: dict[int, list[Proposal]] = {}
    for proposal in proposals:
        groups.setdefault(proposal.epochs, []).append(proposal)
    return groups


def _record(
    search: TwinSearch,
    group: Collection[Proposal],
    epochs: int,
    db: str,
    say: Callable[[str], None],
) -> None:
    """Add the pairs whose trainings both ended to the collection, and say how they differ."""
    points = [proposal.prm for proposal in group]
    # Another process may have recorded some, if both search the same sub-spaces.
    known = read_known(search, db)
    for proposal, ended in zip(group, ended_trials(search, points, epochs, db), strict=True):
        if ended.keys() != search.nets.keys() or proposal.place < len(known[proposal.space]):
            continue
        facts: dict[str, Any] = {
            NAME: f"{search.name}-{proposal.space}-{proposal.place}",
            SPACE: proposal.space,
            PLACE: proposal.place,
        }
        scores = [trial.score for trial in ended.values()]
        if None not in scores:
            facts[DIFFERENCE] = abs(scores[0] - scores[1])  # type: ignore[operator] # no None
        for trial in ended.values():
            lemur_core.record(trial.uid, {fact_of(search.name): facts}, db=db)
        # After the facts: only a member of the collection is known.
        members = {role: [trial.uid] for role, trial in ended.items()}
        lemur_core.collect(search.name, members, db=db)
        say(_line(proposal, ended))


def _line(proposal: Proposal, ended: Mapping[str, EndedTrial]) -> str:
    where = f"sub-space {proposal.space}, pair {proposal.place}"
    failed = {role: trial.reason for role, trial in ended.items() if trial.score is None}
    if failed:
        reasons = "; ".join(f"{role}: {reason}" for role, reason in failed.items())
        return f"{where}: no difference, {reasons}"
    scores = {role: trial.score or 0.0 for role, trial in ended.items()}
    first, second = scores.values()
    shown = ", ".join(f"{role} {score:.4f}" for role, score in scores.items())
    return f"{where}: difference {abs(first - second):.4f} ({shown})"


def _count(search: TwinSearch, chosen: Collection[int], db: str) -> int:
    known = read_known(search, db)
    return sum(min(len(known[number]), search.trials) for number in chosen)


def _note_end(outcome: SearchOutcome, summary: Summary) -> None:
    outcome.is_interrupted = outcome.is_interrupted or summary.interrupted
    outcome.is_timed_out = outcome.is_timed_out or summary.left is not None
