"""Decide which hyperparameters a study trains next, and start their trials."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lemur_core.events import Warned
from lemur_core.restriction import without_fold
from lemur_core.search.study import Study, derived_seed
from lemur_core.search.trial_resources import Attempt, TrialResources
from lemur_core.store.writing.writer import NumberTakenError
from lemur_core.trial import Outcome, State, Trial
from lemur_core.values import below, greatest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import optuna

    from lemur_core.search.combinations import Combinations
    from lemur_core.search.prepare import PreparedStudy
    from lemur_core.search.scope import Scope
    from lemur_core.search.trial_builder import TrialBuilder
    from lemur_core.store.writing.past_trials import PastTrial


class Proposals:
    """Starts trials: those to repeat first, then the points or what the sampler proposes.

    Args:
        ready: The prepared pipeline, with its space or its points.
        resources: The resources of the campaign.
        scope: Decides which trials belong to the study.
        builder: Builds the trials.
        chance: Score of random guessing on the data, 0 to 1.

    Attributes:
        space: The space that is searched; it shrinks if memory runs out.
    """

    def __init__(
        self,
        ready: PreparedStudy,
        resources: TrialResources,
        scope: Scope,
        builder: TrialBuilder,
        chance: float,
    ) -> None:
        self._pipeline, self._points, self.space = ready.pipeline, ready.points, ready.space
        self._resources, self._scope = resources, scope
        self._builder, self._chance = builder, chance
        self._repeats: deque[tuple[Mapping[str, Any], int | None]] = deque()
        self._study = self._new_study()

    @property
    def combinations(self) -> Combinations | None:
        """The combinations of an exhaustive sampler; None for other samplers."""
        return self._study.combinations

    def remember(self, past: PastTrial) -> None:
        """Tell the sampler of a recorded trial."""
        self._study.remember(past)

    def start(self, number: int, taken: Collection[str], device: str) -> Attempt | None:
        """Start a trial with this number; return None if there is none left to start.

        Args:
            number: Number of the trial.
            taken: Identities of the points that need no trial.
            device: A torch device.

        Raises:
            NumberTakenError: Another campaign took the number.
        """
        if self._repeats:
            attempt = self._with_prm(number, *self._repeats[0], device)
            self._repeats.popleft()
            return attempt
        if self._points is not None:
            point = self._points.first_without(taken)
            if point is None:
                return None
            seed = self._builder.point_seed(point.prm) if point.seed is None else point.seed
            return self._with_prm(number, point.prm, seed, device)
        proposal = self._study.ask(number)
        if proposal is None:
            return None
        return self._numbered(number, self._study.prm(proposal), None, device, proposal)

    def resume(self, trial_id: int, trial: Trial) -> Attempt:
        """Continue a recorded trial."""
        return self._attempt(trial_id, trial, self._study.take_up(trial.prm, trial.done))

    def repeat(self, prm: Mapping[str, Any], seed: int) -> None:
        """Start a trial with these hyperparameters before any other one."""
        # Points without a trial are started in any case, by this campaign or another one.
        if self._points is None:
            self._repeats.append((prm, seed))

    def lower_batch(self, trial: Trial) -> bool:
        """Restrict the search to smaller batches than that of a trial that ran out of memory.

        The trial is repeated with the greatest of them. Return False if there are none.
        """
        if self._points is not None:
            return False
        smaller = below(self.space["batch"], trial.prm["batch"])
        if smaller is None:
            return False
        self._repeats.append((dict(trial.prm) | {"batch": greatest(smaller)}, None))
        if smaller != self.space["batch"]:
            self.space = self.space | {"batch": smaller}
            self._study = self._new_study()
            self._resources.watch(Warned(self._lowered(trial.prm["batch"])))
        return True

    def _new_study(self) -> Study:
        settings = self._resources.settings
        # The first proposals are the same for all folds of a dataset, to compare their scores.
        dataset = without_fold(self._pipeline.dataset)
        seed = derived_seed(settings.seed, replace(self._pipeline, dataset=dataset).name)
        if self._points is not None:
            return Study({}, "Random", settings.pruner, seed, self._scope.matches)
        return Study(self.space, settings.sampler, settings.pruner, seed)

    def _with_prm(
        self, number: int, prm: Mapping[str, Any], seed: int | None, device: str
    ) -> Attempt:
        return self._numbered(number, prm, seed, device, self._study.take_up(prm))

    def _numbered(
        self,
        number: int,
        prm: Mapping[str, Any],
        seed: int | None,
        device: str,
        proposal: optuna.Trial,
    ) -> Attempt:
        trial = self._builder.trial(number, prm, seed, device)
        try:
            trial_id = self._builder.begin(trial, {})
        except NumberTakenError:
            self._study.tell(proposal, trial.uid, Outcome(State.ABANDONED, ()))
            raise
        return self._attempt(trial_id, trial, proposal)

    def _attempt(self, trial_id: int, trial: Trial, proposal: optuna.Trial) -> Attempt:
        forecasting = self._resources.forecasting
        forecast = forecasting.of(trial, self._chance) if forecasting else None
        return Attempt(trial_id, trial, self._study, proposal, self._resources, forecast)

    def _lowered(self, batch: int) -> str:
        text = f"{self._pipeline.name}: memory ran out with batch={batch}"
        return f"{text}; it continues with batch={self.space['batch']}"
