"""The studies of a campaign, each opened when there is a worker for it."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from lemur_core.campaign.data import check_data
from lemur_core.events import StudyStarted, TrialsHeld
from lemur_core.search.study_run import StudyRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lemur_core.campaign.supply import DataSupply
    from lemur_core.dataset import DatasetRecord
    from lemur_core.pipeline import Pipeline
    from lemur_core.search.prepare import PreparedStudy
    from lemur_core.search.trial_resources import Attempt, TrialResources
    from lemur_core.store.writing.holders import Holder
    from lemur_core.store.writing.past_trials import PastTrial
    from lemur_core.trial import Outcome


class ClosedStudy(NamedTuple):
    """A study of which nothing more is begun.

    Attributes:
        pipeline: What was trained.
        data: What identifies its data set.
        outcomes: How this campaign's trials of it ended.
        left_out: What is missing of it and why, a line each.
        again: What it says when it is opened again; None if trials are missing.
    """

    pipeline: Pipeline
    data: DatasetRecord | None
    outcomes: Sequence[Outcome]
    left_out: Sequence[str]
    again: StudyStarted | None


class Studies:
    """Opens studies in their order, and closes those that are over.

    Args:
        ready: What is trained.
        supply: Of their data.
        means: The campaign's.

    Attributes:
        closed: Those that are over.
    """

    def __init__(
        self, ready: Sequence[PreparedStudy], supply: DataSupply, means: TrialResources
    ) -> None:
        self._waiting, self._open = deque(ready), list[StudyRun]()
        self._supply, self._means = supply, means
        self._compared: set[tuple[str, str]] = set()
        self._told: dict[str, set[int]] = {}
        self.closed: list[ClosedStudy] = []

    def tell_past(self) -> None:
        """Tell the estimator, where there is one, of the earlier trials of all nets."""
        forecasting, bundles = self._means.forecasting, self._means.bundles
        if forecasting is None:
            return
        before = None
        for pipeline in [one.pipeline for one in self._waiting]:
            if before is not None and before != bundles.key(pipeline):
                bundles.drop(before)
            if self._supply.has(pipeline):
                epochs, data = self._means.settings.epochs, bundles.record(pipeline)
                recipe = pipeline.net_entry.recipe()
                past = self._means.writer.past(pipeline, epochs, data=data, recipe=recipe)
                forecasting.remember(pipeline, past)
            before = bundles.key(pipeline)

    def next(self, device: str) -> tuple[StudyRun, Attempt] | None:
        """Begin the next trial, of a study that is open or else of the next one.

        Returns:
            Its study and the trial; None when there is nothing to begin now.
        """
        for pursuit in list(self._open):
            if attempt := self._begun(pursuit, device):
                return pursuit, attempt
        while (opened := self._opened()) is not None:
            if attempt := self._begun(opened, device):
                return opened, attempt
        return None

    @property
    def is_waiting(self) -> bool:
        """Whether trials that are asked for are still to end, and others hold them."""
        return any(pursuit.held for pursuit in self._open)

    def tell_held(self) -> None:
        """Tell who holds trials that are waited for, where that is not told yet."""
        held: dict[str, list[tuple[StudyRun, PastTrial]]] = {}
        for pursuit in self._open:
            for past in pursuit.held:
                held.setdefault(past.owner, []).append((pursuit, past))
        for owner, trials in held.items():
            ids = {past.id for _, past in trials}
            if ids <= self._told.get(owner, set()):
                continue
            pursuit, past = trials[0]
            if (holder := pursuit.holder(past)) is not None:
                self._told[owner] = ids
                self._means.watch(_held(len(ids), holder))

    def close(self) -> None:
        """Close all studies that are open.

        Raises:
            LemurError: None could be opened.
        """
        for pursuit in list(self._open):
            self._close(pursuit)
        if not self.closed and not self._waiting:
            self._supply.raise_reason()

    def _begun(self, pursuit: StudyRun, device: str) -> Attempt | None:
        attempt = pursuit.next(device)
        if attempt is None and pursuit.is_over:
            self._close(pursuit)
        return attempt

    def _opened(self) -> StudyRun | None:
        while self._waiting:
            ready = self._waiting.popleft()
            pipeline = ready.pipeline
            bundle = self._supply.bundle(pipeline)
            if bundle is None:
                continue
            if (pipeline.task, pipeline.dataset) not in self._compared:
                self._compared.add((pipeline.task, pipeline.dataset))
                check_data(pipeline, self._means)
            left_out = self._means.bundles.left_out(pipeline)
            pursuit = StudyRun(ready, self._means, bundle.chance, left_out)
            self._open.append(pursuit)
            return pursuit
        return None

    def _close(self, pursuit: StudyRun) -> None:
        self._open.remove(pursuit)
        faults = [why for why in (pursuit.set_aside, pursuit.exhausted) if why]
        closed = ClosedStudy(
            pursuit.pipeline, pursuit.data, pursuit.outcomes, faults, pursuit.again
        )
        self.closed.append(closed)
        self._supply.release(pursuit.pipeline)


def _held(trials: int, holder: Holder) -> TrialsHeld:
    free_at = None
    if holder.free_in_s is not None:
        free_at = datetime.now().astimezone() + timedelta(seconds=holder.free_in_s)
    return TrialsHeld(trials, holder.host, holder.silent_s, free_at)
