"""Search over the hyperparameters of one pipeline with Optuna.

Optuna's study is kept in memory and filled from the database of results, so that there is one
record of what happened, and nothing to repair after a crash.
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
# These samplers depend only on their seed and the recorded trials. With a new sampler for each
# trial, seeded by its number, interruptions do not change the proposals.
_STATELESS = ("tpe", "random")
# Optuna's samplers of these names start over in each campaign, or only stop `Study.optimize`.
_EXHAUSTIVE = ("grid", "bruteforce")
_REMEMBERED = (*_STATES, State.RUNNING, State.INTERRUPTED)


class Study:
    """Proposes hyperparameters, and learns from the scores that they lead to.

    Args:
        space: The space to search.
        sampler: Name of Optuna's sampler.
        pruner: Name of Optuna's pruner.
        seed: Seeds the sampler.
        counts: Returns whether the score of an earlier trial is informative for this search; None
            uses trials whose hyperparameters fit the space.

    Attributes:
        combinations: The combinations of an exhaustive sampler; None for other samplers.
    """

    def __init__(
        self,
        space: Space,
        sampler: str,
        pruner: str,
        seed: int,
        counts: Callable[[PastTrial], bool] | None = None,
    ) -> None:
        # Optuna warns about each value that a sampler draws at random.
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.space, self.sampler, self.seed = space, sampler, seed
        self._counts = counts or (lambda past: fits(space, past.prm))
        self.distributions = {
            name: spec.distribution() for name, spec in space.items() if not spec.fixed
        }
        plain = _plain(sampler)
        self._is_stateless = plain in _STATELESS
        self.combinations = Combinations(space, sampler) if plain in _EXHAUSTIVE else None
        self._study = optuna.create_study(
            direction="maximize",
            sampler=optuna_object(
                optuna.samplers, "Sampler", "Random" if self.combinations else sampler, seed=seed
            ),
            pruner=optuna_object(optuna.pruners, "Pruner", pruner),
        )
        self._uids: set[str] = set()

    def ask(self, number: int) -> optuna.Trial | None:
        """Return a proposal for the trial with this number; None if no combination is left.

        Raises:
            SettingsError: The sampler needs a package that is not installed.
        """
        seed = derived_seed(self.seed, number)
        if self.combinations:
            prm = self.combinations.draw(seed)
            return None if prm is None else self.take_up(prm)
        if self._is_stateless:
            self._study.sampler = optuna_object(optuna.samplers, "Sampler", self.sampler, seed=seed)
        try:
            return self._study.ask(self.distributions)
        except ImportError as error:
            raise SettingsError(
                f"sampler {self.sampler!r} needs {error.name}, which is not installed"
            ) from error

    def take_up(self, prm: Mapping[str, Any], epochs: Iterable[Epoch] = ()) -> optuna.Trial:
        """Return a proposal with the hyperparameters of a trial that is resumed or restarted."""
        if self.combinations and fits(self.space, prm):
            self.combinations.take(prm)
        self._study.enqueue_trial({name: prm[name] for name in self.distributions})
        proposal = self._study.ask(self.distributions)
        for epoch in epochs:
            self.report(proposal, epoch)
        return proposal

    def prm(self, proposal: optuna.Trial) -> dict[str, Any]:
        """Return the hyperparameters of a proposal, including those with a single value."""
        return fixed(self.space) | proposal.params

    def report(self, proposal: optuna.Trial, epoch: Epoch) -> bool:
        """Report an epoch's validation score; return whether the trial should be pruned."""
        proposal.report(epoch.validation, epoch.number)
        return proposal.should_prune()

    def tell(self, proposal: optuna.Trial, uid: str, outcome: Outcome) -> None:
        """Report the outcome of a proposal's trial."""
        self._uids.add(uid)
        if self.combinations and outcome.state is State.ABANDONED:
            self.combinations.release(self.prm(proposal))
        state = _STATES.get(outcome.state, TrialState.FAIL)
        value = None
        if state is TrialState.COMPLETE and outcome.best is not None:
            predicted = outcome.prediction.score if outcome.prediction else None
            value = _final(outcome.state, outcome.best.validation, predicted)
        self._study.tell(proposal, value, state)

    def forget(self, proposal: optuna.Trial) -> None:
        """Withdraw a proposal whose trial another campaign has taken over."""
        self._study.tell(proposal, None, TrialState.FAIL)

    def remember(self, past: PastTrial) -> None:
        """Add a trial that ended well in an earlier campaign or a concurrent one.

        A trial whose hyperparameters are outside the space is ignored, because its score is not
        informative for this search.
        """
        state = past.state_in_search
        if past.uid in self._uids or state not in _REMEMBERED:
            return
        if self.combinations and fits(self.space, past.prm):
            self.combinations.take(past.prm)
        if state not in _STATES:
            return
        self._uids.add(past.uid)
        if not self._counts(past) or not past.epochs:
            return
        scores = {epoch.number: epoch.validation for epoch in past.epochs}
        self._study.add_trial(
            optuna.trial.create_trial(
                state=_STATES[state],
                value=_final(state, max(scores.values()), past.predicted),
                params={name: past.prm[name] for name in self.distributions},
                distributions=self.distributions,
                intermediate_values=scores,
            )
        )


def check_search(spaces: Sequence[Space], settings: Settings) -> None:
    """Raise `SettingsError` if the spaces cannot be searched with these settings."""
    optuna_object(optuna.pruners, "Pruner", settings.pruner)
    if not spaces:
        return
    Study(spaces[0], settings.sampler, settings.pruner, settings.seed)
    if _plain(settings.sampler) in _EXHAUSTIVE:
        for space in spaces[1:]:
            Combinations(space, settings.sampler)


def _plain(sampler: str) -> str:
    return sampler.lower().removesuffix("sampler")


def _final(state: State, measured: float, predicted: float | None) -> float:
    """Return the score for the search: the predicted score if the trial was stopped early."""
    return predicted if state is State.CONVERGED and predicted is not None else measured


def optuna_object(module: Any, suffix: str, name: str, **options: Any) -> Any:
    """Return an instance of one of Optuna's classes by its name, with or without the suffix.

    Raises:
        SettingsError: There is no such class, or it has required arguments.
    """
    classes = {
        attribute.removesuffix(suffix): getattr(module, attribute)
        for attribute in dir(module)
        if attribute.endswith(suffix) and not attribute.startswith("Base")
    }
    cls = {key.lower(): candidate for key, candidate in classes.items()}.get(
        name.removesuffix(suffix).lower()
    )
    if cls is None:
        raise SettingsError(f"unknown {suffix.lower()} {name!r}{hint(name, sorted(classes))}")
    parameters = inspect.signature(cls).parameters
    try:
        with warnings.catch_warnings():
            # The user chose this class; a change of its interface does not affect the user.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return cls(**{key: value for key, value in options.items() if key in parameters})
    except (TypeError, ImportError) as error:
        raise SettingsError(f"{suffix.lower()} {name!r} cannot be used by name: {error}") from None


def derived_seed(*parts: object) -> int:
    """Return a seed, 0 to 2**31 - 1, that depends only on the parts."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4]) >> 1
