"""Give trials to workers, and what workers say to the trials."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lemur_core.search.attempt import Attempt
from lemur_core.search.interruption import Interruption
from lemur_core.search.pursuit import Pursuit
from lemur_core.search.studies import Studies
from lemur_core.train.worker import Worker, wait_for
from lemur_core.trial import Outcome


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
        self._busy: dict[Worker, tuple[Pursuit, Attempt]] = {}
        self._warn, self._warned = warn, set[str]()

    def run(self) -> None:
        """Train until nothing is left to begin and what was begun has ended.

        A second Ctrl-C ends at once what is under way.
        """
        try:
            self._begin()
            while self._busy:
                wait_for(self._busy)
                for worker in list(self._busy):
                    self._hear(worker)
        except KeyboardInterrupt:
            self._interruption.asked = True
            self._stop()

    def _begin(self) -> None:
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
