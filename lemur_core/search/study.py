"""The search over one pipeline's hyperparameters, by Optuna.

Optuna's study lives in memory and is told what the database of results remembers; so there is one
record of what happened, and nothing to mend after a crash.
"""

from __future__ import annotations

import hashlib
import inspect
import warnings
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import TrialState

from lemur_core.errors import SettingsError, hint
from lemur_core.search.combinations import Combinations
from lemur_core.space import Space, fixed
from lemur_core.trial import Epoch, Outcome, State
from lemur_core.values import fits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lemur_core.settings import Settings
    from lemur_core.store.writing.writer import PastTrial

_STATES = {
    State.FINISHED: TrialState.COMPLETE,
    State.CONVERGED: TrialState.COMPLETE,
    State.PRUNED: TrialState.PRUNED,
}
# Each draws from its seed and from what is recorded alone. So a new one for each trial, seeded by
# the trial's number, proposes the same whether or not the campaign was interrupted before it.
_WITHOUT_MEMORY = ("tpe", "random")
# Optuna's own start over in each campaign, or only stop `optuna.Study.optimize`.
_EXHAUSTIVE = ("grid", "bruteforce")
_REMEMBERED = (*_STATES, State.RUNNING, State.INTERRUPTED)


class Study:
    """Asks for hyperparameters and is told the scores they led to.

    Args:
        space: What is searched.
        sampler: Name of Optuna's sampler.
        pruner: Name of Optuna's pruner.
        seed: Seeds the sampler.
        counts: Whether the score of an earlier trial says something about what is searched; None
            takes those whose hyperparameters fit the space.

    Attributes:
        combinations: Those that are left to propose; None where the sampler has no end.
    """

    def __init__(
        self,
        space: Space,
        sampler: str,
        pruner: str,
        seed: int,
        counts: Callable[[PastTrial], bool] | None = None,
    ) -> None:
        # It warns of each value that a sampler draws at random.
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.space, self.sampler, self.seed = space, sampler, seed
        self._counts = counts or (lambda past: fits(space, past.prm))
        self.distributions = {
            name: one.distribution() for name, one in space.items() if not one.fixed
        }
        plain = _plain(sampler)
        self._is_without_memory = plain in _WITHOUT_MEMORY
        self.combinations = Combinations(space, sampler) if plain in _EXHAUSTIVE else None
        self._study = optuna.create_study(
            direction="maximize",
            sampler=named(
                optuna.samplers, "Sampler", "Random" if self.combinations else sampler, seed=seed
            ),
            pruner=named(optuna.pruners, "Pruner", pruner),
        )
        self._known: set[str] = set()

    def ask(self, number: int) -> optuna.Trial | None:
        """Return a proposal for the trial of this number; None where none is left.

        Raises:
            SettingsError: The sampler needs what is not installed.
        """
        seed = derived_seed(self.seed, number)
        if self.combinations:
            prm = self.combinations.draw(seed)
            return None if prm is None else self.take_up(prm)
        if self._is_without_memory:
            self._study.sampler = named(optuna.samplers, "Sampler", self.sampler, seed=seed)
        try:
            return self._study.ask(self.distributions)
        except ImportError as error:
            raise SettingsError(
                f"sampler {self.sampler!r} needs {error.name}, which is not installed"
            ) from error

    def take_up(self, prm: Mapping[str, Any], epochs: Iterable[Epoch] = ()) -> optuna.Trial:
        """Return the proposal of a trial that is gone on with, or begun again."""
        if self.combinations and fits(self.space, prm):
            self.combinations.take(prm)
        self._study.enqueue_trial({name: prm[name] for name in self.distributions})
        asked = self._study.ask(self.distributions)
        for epoch in epochs:
            self.report(asked, epoch)
        return asked

    def prm(self, asked: optuna.Trial) -> dict[str, Any]:
        """Return the hyperparameters of a proposal, those that are not searched among them."""
        return fixed(self.space) | asked.params

    def report(self, asked: optuna.Trial, epoch: Epoch) -> bool:
        """Tell an epoch's score; return whether the trial shall stop here."""
        asked.report(epoch.validation, epoch.number)
        return asked.should_prune()

    def tell(self, asked: optuna.Trial, uid: str, outcome: Outcome) -> None:
        """Tell how the trial of a proposal ended."""
        self._known.add(uid)
        if self.combinations and outcome.state is State.ABANDONED:
            self.combinations.release(self.prm(asked))
        state = _STATES.get(outcome.state, TrialState.FAIL)
        value = None
        if state is TrialState.COMPLETE and outcome.best is not None:
            predicted = outcome.prediction.score if outcome.prediction else None
            value = _final(outcome.state, outcome.best.validation, predicted)
        self._study.tell(asked, value, state)

    def forget(self, asked: optuna.Trial) -> None:
        """Take back a proposal whose trial others end."""
        self._study.tell(asked, None, TrialState.FAIL)

    def remember(self, past: PastTrial) -> None:
        """Take a trial that ended well, in an earlier campaign or another one.

        A trial with hyperparameters outside the space is left out: its score says nothing about
        what is searched.
        """
        if past.uid in self._known or past.state not in _REMEMBERED:
            return
        if self.combinations and fits(self.space, past.prm):
            self.combinations.take(past.prm)
        if past.state not in _STATES:
            return
        self._known.add(past.uid)
        if not self._counts(past) or not past.epochs:
            return
        scores = {epoch.number: epoch.validation for epoch in past.epochs}
        self._study.add_trial(
            optuna.trial.create_trial(
                state=_STATES[past.state],
                value=_final(past.state, max(scores.values()), past.predicted),
                params={name: past.prm[name] for name in self.distributions},
                distributions=self.distributions,
                intermediate_values=scores,
            )
        )


def check_search(spaces: Sequence[Space], settings: Settings) -> None:
    """Raise `SettingsError` where spaces cannot be searched as settings say."""
    named(optuna.pruners, "Pruner", settings.pruner)
    if not spaces:
        return
    Study(spaces[0], settings.sampler, settings.pruner, settings.seed)
    if _plain(settings.sampler) in _EXHAUSTIVE:
        for space in spaces[1:]:
            Combinations(space, settings.sampler)


def _plain(sampler: str) -> str:
    return sampler.lower().removesuffix("sampler")


def _final(state: State, measured: float, predicted: float | None) -> float:
    """Return the score that the search goes by: of a trial that was stopped, the predicted one."""
    return predicted if state is State.CONVERGED and predicted is not None else measured


def named(module: Any, suffix: str, name: str, **options: Any) -> Any:
    """Return an object of one of Optuna's classes by its name, with or without the suffix.

    Raises:
        SettingsError: There is no such class, or it needs more than its name.
    """
    classes = {
        attribute.removesuffix(suffix): getattr(module, attribute)
        for attribute in dir(module)
        if attribute.endswith(suffix) and not attribute.startswith("Base")
    }
    found = {key.lower(): cls for key, cls in classes.items()}.get(
        name.removesuffix(suffix).lower()
    )
    if found is None:
        raise SettingsError(f"unknown {suffix.lower()} {name!r}{hint(name, sorted(classes))}")
    taken = inspect.signature(found).parameters
    try:
        with warnings.catch_warnings():
            # Who names it has chosen it; that its interface may change does not touch them.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return found(**{key: value for key, value in options.items() if key in taken})
    except (TypeError, ImportError) as error:
        raise SettingsError(f"{suffix.lower()} {name!r} cannot be used by name: {error}") from None


def derived_seed(*parts: object) -> int:
    """Return a seed, 0 to 2**31 - 1, that hangs on all the parts and on nothing else."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4]) >> 1
