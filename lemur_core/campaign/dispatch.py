"""Assign trials to workers, and pass the workers' messages to the trials."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lemur_core.train.worker import Worker, wait_for
from lemur_core.trial import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lemur_core.campaign.studies import Studies
    from lemur_core.search.study_run import StudyRun
    from lemur_core.search.trial_resources import BaseAttempt
    from lemur_core.train.interruption import Interruption

_POLL_S = 2.0


class Dispatch:
    """Keeps workers busy until all studies have all their trials.

    Args:
        studies: The studies; earlier ones have priority.
        workers: Each trains one trial at a time.
        interruption: Tells whether to start no further trials.
        warn: Called once with each distinct line that workers warn with.
    """

    def __init__(
        self,
        studies: Studies,
        workers: Sequence[Worker],
        interruption: Interruption,
        warn: Callable[[str], None],
    ) -> None:
        self._studies, self._workers, self._interruption = studies, workers, interruption
        self._busy: dict[Worker, tuple[StudyRun, BaseAttempt]] = {}
        self._warn, self._warned = warn, set[str]()
        self._last_start = time.monotonic()

    def run(self) -> None:
        """Train until all trials have ended, here and elsewhere, and none is left to start.

        If another campaign holds trials, wait for them, and take them over if it dies. A second
        Ctrl-C ends running trials at once.
        """
        try:
            self._start_trials()
            while self._busy or self._is_waiting():
                self._wait()
                for worker in list(self._busy):
                    self._handle_message(worker)
                self._retry_start()
        except KeyboardInterrupt:
            self._interruption.is_requested = True
            self._stop()

    def _is_waiting(self) -> bool:
        return self._studies.is_waiting and not self._interruption.stops

    def _wait(self) -> None:
        if not self._busy:
            self._studies.report_held()
            time.sleep(_POLL_S)
        elif self._has_idle and self._is_waiting():
            wait_for(self._busy, _POLL_S)
        else:
            wait_for(self._busy)

    def _retry_start(self) -> None:
        """Start trials that others have released, if a worker is idle."""
        is_time = time.monotonic() - self._last_start >= _POLL_S
        if is_time and self._has_idle and self._is_waiting():
            self._start_trials()

    @property
    def _has_idle(self) -> bool:
        return len(self._busy) < len(self._workers)

    def _start_trials(self) -> None:
        self._last_start = time.monotonic()
        for worker in self._workers:
            if worker not in self._busy and not self._interruption.stops:
                self._assign(worker)

    def _assign(self, worker: Worker) -> None:
        assignment = self._studies.next(worker.device)
        if assignment is not None:
            self._busy[worker] = assignment
            worker.begin(assignment[1].trial)

    def _handle_message(self, worker: Worker) -> None:
        study_run, attempt = self._busy[worker]
        message = worker.receive()
        self._forward_warnings(worker)
        if isinstance(message, Outcome):
            del self._busy[worker]
            study_run.ended(attempt, message)
            self._start_trials()
        elif message is not None:
            worker.answer(attempt.epoch_ended(message))

    def _forward_warnings(self, worker: Worker) -> None:
        while worker.notices:
            line = worker.notices.popleft()
            if line not in self._warned:
                self._warned.add(line)
                self._warn(line)

    def _stop(self) -> None:
        for worker, (study_run, attempt) in self._busy.items():
            worker.kill()
            study_run.ended(attempt, attempt.interrupted())
