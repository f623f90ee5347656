"""Propose the next hyperparameters of a sub-space, from the pairs that are known in it."""

from __future__ import annotations

import hashlib
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import optuna
from optuna.trial import TrialState, create_trial

from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from lemur_twins.search.subspaces import SubSpace

SAMPLERS: Mapping[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    "GP": lambda seed: optuna.samplers.GPSampler(seed=seed),
    "TPE": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "Random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
}
"""Samplers by name: a Gaussian process as in CrossedWires, tree-structured Parzen, or random."""
# Of a space of a few whole numbers, a sampler soon proposes what is known.
_ATTEMPTS, _OWN_ATTEMPTS = 50, 3
Prm = dict[str, Any]


class KnownPair(NamedTuple):
    """A pair that was trained.

    Attributes:
        prm: Its hyperparameters.
        difference: Absolute difference of both scores, 0 to 1; None if a training failed.
    """

    prm: Mapping[str, Any]
    difference: float | None


def propose(
    space: SubSpace,
    known: Sequence[KnownPair],
    *,
    taken: Collection[Prm] = (),
    sampler: str = "GP",
    seed: int = 0,
) -> Prm | None:
    """Return the hyperparameters of the next pair of a sub-space.

    They depend on the arguments alone, so a search that was interrupted continues as if it had not
    been.

    Args:
        space: The sub-space.
        known: The pairs that were proposed in it, in their order. Those that failed, and those
            outside its ranges, are not told to the sampler.
        taken: Hyperparameters that are not proposed, for example those of other sub-spaces.
        sampler: A name in `SAMPLERS`.
        seed: Seed of the search, 0 or above.

    Returns:
        A value for each range, or None if all that were drawn are taken.

    Raises:
        SettingsError: The sampler is unknown.
    """
    if sampler not in SAMPLERS:
        raise SettingsError(f"sampler {sampler!r}; expected {', '.join(SAMPLERS)}")
    for attempt in range(_ATTEMPTS):
        name = sampler if attempt < _OWN_ATTEMPTS else "Random"
        drawn = _asked(space, known, name, _seed(seed, space.number, len(known), attempt))
        if drawn not in taken:
            return drawn
    return None


def _asked(space: SubSpace, known: Sequence[KnownPair], sampler: str, seed: int) -> Prm:
    with _quiet():
        study = optuna.create_study(direction="maximize", sampler=SAMPLERS[sampler](seed))
        informative = (
            pair for pair in known if pair.difference is not None and space.holds(pair.prm)
        )
        study.add_trials([_as_trial(space, pair) for pair in informative])
        return study.ask(dict(space.ranges)).params


def _as_trial(space: SubSpace, pair: KnownPair) -> optuna.trial.FrozenTrial:
    return create_trial(
        state=TrialState.COMPLETE,
        params={name: pair.prm[name] for name in space.ranges},
        distributions=dict(space.ranges),
        value=pair.difference,
    )


def _seed(*numbers: int) -> int:
    text = ",".join(map(str, numbers))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide Optuna's lines about studies, and that a sampler is experimental."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)
