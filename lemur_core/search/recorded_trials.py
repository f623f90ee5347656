"""The recorded trials of a study: how many ended, which can be resumed, and which are held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.trial import ENDED, UNFINISHED, Outcome, State, Trial
from lemur_core.values import fits

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from lemur_core.search.prepare import PreparedStudy
    from lemur_core.search.proposals import Proposals
    from lemur_core.search.scope import Scope
    from lemur_core.search.study_inputs import StudyInputs
    from lemur_core.search.trial_resources import TrialResources
    from lemur_core.store.writing.holders import Holder
    from lemur_core.store.writing.past_trials import PastTrial


class RecordedTrials:
    """The trials that the database has of a study, those of other campaigns included.

    Args:
        ready: The prepared pipeline, with its space or its points.
        resources: The resources of the campaign.
        inputs: The data and the code of the study.
        scope: Decides which trials belong to the study.
        proposals: The search, which is told of the trials.
        running: Ids of the trials that are trained here; the caller updates it.

    Attributes:
        done: Number of matching trials that ended well.
        held: Matching trials that other campaigns are training and that are waited for.
        repetitions: The trials that repeat others, and therefore do not belong to the search.
    """

    def __init__(
        self,
        ready: PreparedStudy,
        resources: TrialResources,
        inputs: StudyInputs,
        scope: Scope,
        proposals: Proposals,
        running: Container[int],
    ) -> None:
        self._pipeline, self._points = ready.pipeline, ready.points
        self._resources, self._inputs = resources, inputs
        self._scope, self._proposals, self._running = scope, proposals, running
        self._by_id: dict[int, PastTrial] = {}
        # Points that failed in this campaign; the next campaign tries them again.
        self._failed: set[str] = set()
        self.done = 0
        self.held: list[PastTrial] = []
        self.repetitions: list[PastTrial] = []

    def read(self) -> list[PastTrial]:
        """Return the trials of the search so far, and tell the sampler and the estimator of them.

        Trials that repeat others are kept in ``repetitions``.
        """
        epochs, inputs = self._resources.settings.epochs, self._inputs
        recorded = self._resources.writer.past(
            self._pipeline, epochs, self._by_id, inputs.data, inputs.recipe
        )
        self._by_id = {trial.id: trial for trial in recorded}
        self.repetitions = [trial for trial in recorded if trial.repeats is not None]
        past = [trial for trial in recorded if trial.repeats is None]
        for trial in past:
            self._proposals.remember(trial)
        if self._resources.forecasting:
            self._resources.forecasting.remember(self._pipeline, past)
        self.done = self._scope.count(past, *ENDED)
        return past

    def reread(self, past: PastTrial) -> PastTrial:
        """Return a trial as it is now."""
        self.read()
        return self._by_id[past.id]

    def count_ended(self, trial: Trial, outcome: Outcome) -> None:
        """Count a trial that ended here, until the trials are read again."""
        if outcome.state in ENDED:
            self.done += 1
        if outcome.state is State.FAILED:
            self._failed.add(self._scope.identity(trial.prm, trial.seed))

    def taken(self, past: Sequence[PastTrial]) -> set[str]:
        """Return the identities of points that ended, are running anywhere, or failed here.

        A search has no points, so it has none of them.
        """
        if self._points is None:
            return set()
        states = (*ENDED, *UNFINISHED)
        return self._failed | {
            self._scope.uid(trial) for trial in past if trial.state_in_search in states
        }

    def can_resume(self, past: PastTrial) -> bool:
        """Return whether an unfinished trial can be continued here."""
        if past.state_in_search not in UNFINISHED or not self._scope.matches(past):
            return False
        if self._is_alive(past):
            return False
        if self._points is None:
            return fits(self._proposals.space, past.prm)
        uid, others = self._scope.uid(past), self._by_id.values()
        return not any(
            trial.state_in_search in ENDED and self._scope.uid(trial) == uid for trial in others
        )

    def is_lost(self, past: PastTrial) -> bool:
        """Return whether an unfinished trial of a search has too large a batch to be resumed."""
        return (
            past.state_in_search in UNFINISHED
            and self._scope.matches(past)
            and not fits(self._proposals.space, past.prm)
            and not self._is_alive(past)
        )

    def is_held(self, past: PastTrial) -> bool:
        """Return whether another campaign is training a matching trial."""
        if past.state_in_search is not State.RUNNING or past.id in self._running:
            return False
        return self._scope.matches(past) and self._is_alive(past)

    def is_trained_now(self, past: PastTrial) -> bool:
        """Return whether a trial is trained, here or elsewhere; one elsewhere is waited for."""
        if past.state is not State.RUNNING or not self._is_alive(past):
            return False
        if past.id not in self._running:
            self.held.append(past)
        return True

    def holder(self, past: PastTrial) -> Holder | None:
        """Return the holder of a running trial; None if it is this campaign."""
        patience_s = 2 * self._resources.settings.limits().epoch_s
        return self._resources.writer.holder(past, patience_s)

    def _is_alive(self, past: PastTrial) -> bool:
        """Return whether an unfinished trial is trained here, or its campaign may still run."""
        if past.id in self._running:
            return True
        holder = None if past.state is State.INTERRUPTED else self.holder(past)
        return holder is not None and holder.free_in_s != 0
