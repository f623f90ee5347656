"""Give trials to workers, and what workers say to the trials."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lemur_core.train.worker import Worker, wait_for
from lemur_core.trial import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lemur_core.campaign.studies import Studies
    from lemur_core.search.study_run import StudyRun
    from lemur_core.search.trial_resources import Attempt
    from lemur_core.train.interruption import Interruption

_LOOK_S = 2.0


class Dispatch:
    """Keeps workers busy until all studies have what they were asked for.

    Args:
        studies: The studies; what an earlier one can begin comes first.
        workers: Each trains one trial at a time.
        interruption: Whether to begin nothing more.
        warn: Told each line that workers warn with, once.
    """

    def __init__(
        self,
        studies: Studies,
        workers: Sequence[Worker],
        interruption: Interruption,
        warn: Callable[[str], None],
    ) -> None:
        self._studies, self._workers, self._interruption = studies, workers, interruption
        self._busy: dict[Worker, tuple[StudyRun, Attempt]] = {}
        self._warn, self._warned = warn, set[str]()
        self._looked = time.monotonic()

    def run(self) -> None:
        """Train until nothing is left to begin and what was begun has ended, here and elsewhere.

        Trials that another campaign holds are waited for, and taken over if it dies. A second
        Ctrl-C ends at once what is under way.
        """
        try:
            self._begin()
            while self._busy or self._is_waiting():
                self._wait()
                for worker in list(self._busy):
                    self._hear(worker)
                self._look()
        except KeyboardInterrupt:
            self._interruption.asked = True
            self._stop()

    def _is_waiting(self) -> bool:
        return self._studies.is_waiting and not self._interruption.asked

    def _wait(self) -> None:
        if not self._busy:
            self._studies.tell_held()
            time.sleep(_LOOK_S)
        elif self._has_idle and self._is_waiting():
            wait_for(self._busy, _LOOK_S)
        else:
            wait_for(self._busy)

    def _look(self) -> None:
        """Begin what others held until now, if a worker is idle."""
        is_time = time.monotonic() - self._looked >= _LOOK_S
        if is_time and self._has_idle and self._is_waiting():
            self._begin()

    @property
    def _has_idle(self) -> bool:
        return len(self._busy) < len(self._workers)

    def _begin(self) -> None:
        self._looked = time.monotonic()
        for worker in self._workers:
            if worker not in self._busy and not self._interruption.asked:
                self._give(worker)

    def _give(self, worker: Worker) -> None:
        begun = self._studies.next(worker.device)
        if begun is not None:
            self._busy[worker] = begun
            worker.begin(begun[1].trial)

    def _hear(self, worker: Worker) -> None:
        pursuit, attempt = self._busy[worker]
        message = worker.receive()
        self._pass_on(worker)
        if isinstance(message, Outcome):
            del self._busy[worker]
            pursuit.ended(attempt, message)
            self._begin()
        elif message is not None:
            worker.answer(attempt.epoch_ended(message))

    def _pass_on(self, worker: Worker) -> None:
        while worker.notices:
            line = worker.notices.popleft()
            if line not in self._warned:
                self._warned.add(line)
                self._warn(line)

    def _stop(self) -> None:
        for worker, (pursuit, attempt) in self._busy.items():
            worker.kill()
            pursuit.ended(attempt, attempt.stopped())
