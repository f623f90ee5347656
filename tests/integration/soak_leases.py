"""Let many writers take trials from each other for a given time, and count the errors.

    python tests/integration/soak_leases.py --minutes 5 [--postgresql]

Writers continue the trials of two studies on one database, as campaigns do, each in a container
with its own host name and process ids if bubblewrap can create one. They are killed, suspended for
longer than a lease, and their clocks are set forward and back by hours. Every recorded epoch must
be there as it was recorded, and each trial must be trained once: no surplus trial, no missing
epoch, no trial with two writers. All times of leases are scaled down by the same factor.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import text

from lemur_core.entry import Entry
from lemur_core.pipeline import Pipeline
from lemur_core.store.database import open_database
from lemur_core.store.writing import holders, holding, lease
from lemur_core.store.writing.writer import NumberTakenError, TrialLostError, Writer
from lemur_core.trial import Epoch, Outcome, State, Trial

EPOCHS, WRITERS, SHORTER = 12, 4, 20
STUDIES = ("A", "B")
HOURS = (-5, -1, 0, 0, 2, 7)


def shorten() -> None:
    holding.HEARTBEAT_S = lease.HEARTBEAT_S / SHORTER
    holders.LEASE_S = lease.LEASE_S / SHORTER
    holders.CONFIRM_S = 3 * lease.HEARTBEAT_S / SHORTER
    holders._LONGEST_LOOK_S = 2 * lease.HEARTBEAT_S / SHORTER


def study(name: str) -> Pipeline:
    entry = Entry("any", __file__)
    return Pipeline("task", "data", "score", name, entry, entry, entry, {"plain": entry})


class Campaign:
    """A campaign without the training."""

    def __init__(self, database: str, wanted: int, log: Path, seed: int) -> None:
        self.engine = open_database(database)
        self.writer = Writer(self.engine, {})
        self.wanted, self.log, self.drawn = wanted, log.open("a"), random.Random(seed)

    def run(self) -> None:
        with closing(self.writer):
            while not all(self.pursued(study(name)) for name in STUDIES):
                self.set_clock()
                time.sleep(self.drawn.uniform(0, 0.1))

    def set_clock(self) -> None:
        """Set the clock of this host; a server's own clock is not changed."""
        step = f"{self.drawn.choice(HOURS)} hours"
        lease._CLOCKS["sqlite"] = f"strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '{step}')"

    def pursued(self, pipeline: Pipeline) -> bool:
        """Continue or start a trial; return whether the study is complete."""
        number = self.writer.next_number(pipeline)
        past = self.writer.past(pipeline, EPOCHS)
        if sum(trial.state is State.FINISHED for trial in past) >= self.wanted:
            return True
        for trial in past:
            if trial.state is State.RUNNING:
                holder = self.writer.holder(trial, 60)
                if holder is not None and holder.free_in_s == 0 and self.writer.claim(trial, {}):
                    self.say("claimed", trial.number)
                    self.train(trial.id, pipeline, trial.number)
                    return False
        if len(past) < self.wanted:
            prm = {"lr": number, "transform": "plain"}
            try:
                trial_id = self.writer.begin(Trial(pipeline, number, prm, 1, EPOCHS))
            except NumberTakenError:
                return False
            self.train(trial_id, pipeline, number)
        return False

    def train(self, trial_id: int, pipeline: Pipeline, number: int) -> None:
        past = {trial.id: trial for trial in self.writer.past(pipeline, EPOCHS)}[trial_id]
        try:
            for epoch in range(len(past.epochs) + 1, EPOCHS + 1):
                time.sleep(self.drawn.uniform(0, 0.2))
                mark = random.SystemRandom().getrandbits(62)
                self.writer.record(trial_id, Epoch(epoch, 0.5, 0.5, 1 / epoch, mark))
                self.say("recorded", pipeline.net, number, epoch, mark)
            self.writer.finish(trial_id, Outcome(State.FINISHED, ()))
        except TrialLostError:
            self.say("lost", number)

    def say(self, *what: object) -> None:
        self.log.write(f"{json.dumps(what)}\n")
        self.log.flush()


class Soak:
    """Starts campaigns, disturbs them, and checks their results."""

    def __init__(self, folder: Path, database: str, seed: int) -> None:
        self.folder, self.database, self.drawn = folder, database, random.Random(seed)
        self.done: Counter[str] = Counter()
        self.wanted = 10
        self.started: list[subprocess.Popen] = []
        self.stopped: list[tuple[float, int]] = []

    def start(self, number: int) -> subprocess.Popen:
        log, seed = self.folder / f"log-{number}", self.drawn.getrandbits(30)
        command = [
            sys.executable,
            __file__,
            "--campaign",
            self.database,
            str(self.wanted),
            log,
            seed,
        ]
        bwrap = shutil.which("bwrap")
        if bwrap and self.drawn.random() < 0.7:
            # Only a few names, so that several hosts share one.
            host = self.drawn.choice(["alpha", "beta"])
            inside = [bwrap, "--dev-bind", "/", "/", "--proc", "/proc", "--unshare-pid"]
            inside += ["--unshare-uts", "--hostname", host, "--die-with-parent"]
            inside += ["--unshare-net"] * ("://" not in self.database)
            command = [*inside, *command]
        self.started.append(subprocess.Popen(list(map(str, command)), start_new_session=True))
        return self.started[-1]

    def run(self, minutes: float) -> None:
        until, started = time.monotonic() + 60 * minutes, WRITERS
        running = [self.start(number) for number in range(WRITERS)]
        while time.monotonic() < until:
            time.sleep(self.drawn.uniform(0.5, 3))
            self.wake()
            # It ends by itself when all requested trials have ended.
            if any(
                process.poll() == 0 and process.args[-3] == str(self.wanted) for process in running
            ):
                self.done["all asked for"] += 1
                self.check()
                self.wanted += 10
            for place, process in enumerate(running):
                if process.poll() is not None:
                    assert process.returncode in (0, -signal.SIGKILL, 137), process.returncode
                    running[place], started = self.start(started), started + 1
            self.disturb(self.drawn.choice(running))
        self.wake(everyone=True)
        for process in running:
            process.wait()
        self.start(started).wait()
        self.check()

    def disturb(self, process: subprocess.Popen) -> None:
        way = self.drawn.choice(["kill", "stop", "stop", "stop", "nothing"])
        self.done[way] += 1
        if process.poll() is None and way == "kill":
            os.killpg(process.pid, signal.SIGKILL)
        elif process.poll() is None and way == "stop":
            os.killpg(process.pid, signal.SIGSTOP)
            for_s = self.drawn.uniform(0, 2.5) * lease.LEASE_S / SHORTER
            self.stopped.append((time.monotonic() + for_s, process.pid))

    def end(self) -> None:
        """Leave no process behind, including suspended ones."""
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def wake(self, *, everyone: bool = False) -> None:
        for due, group in list(self.stopped):
            if everyone or time.monotonic() > due:
                self.stopped.remove((due, group))
                try:
                    os.killpg(group, signal.SIGCONT)
                except ProcessLookupError:
                    continue

    def check(self) -> None:
        logs = [log.read_text().splitlines(keepends=True) for log in self.folder.glob("log-*")]
        said = [json.loads(line) for lines in logs for line in lines if line.endswith("\n")]
        engine = open_database(self.database)
        with engine.connect() as connection:
            rows = connection.execute(text(
                "select nn, number, epoch, duration from stat join trial on trial.id = trial_id"
            )).all()  # fmt: skip
            states = connection.execute(text(
                "select nn, state, count(*) from trial group by 1, 2 order by 1, 2"
            )).all()  # fmt: skip
        engine.dispose()
        stored = {(nn, number, epoch): mark for nn, number, epoch, mark in rows}
        recorded = [event[1:] for event in said if event[0] == "recorded"]
        changed = [event for event in recorded if stored.get(tuple(event[:3])) != event[3]]
        assert not changed, f"lost, changed or of two writers: {changed}"
        assert list(map(tuple, states)) == [(nn, "finished", self.wanted) for nn in STUDIES], states
        assert len(rows) == len(STUDIES) * self.wanted * EPOCHS
        assert not list(self.folder.glob("*.bad"))
        counts = Counter(event[0] for event in said)
        print(f"{len(STUDIES) * self.wanted} trials, {len(rows)} epochs; said: {dict(counts)}")


@contextmanager
def database(folder: Path, on_server: bool):
    if not on_server:
        yield str(folder / "lemur.db")
        return
    from conftest import Server, _programs, _user

    place, user = Path(tempfile.mkdtemp(prefix="lemur-postgresql-")), _user()
    if user:
        shutil.chown(place, user)
    server = Server(_programs(), place, user)
    server.start()
    try:
        yield server.url("postgres")
    finally:
        server.stop()
        shutil.rmtree(place)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--campaign", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    shorten()
    if options.campaign:
        db, wanted, log, seed = options.campaign
        Campaign(db, int(wanted), Path(log), int(seed)).run()
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        with database(folder, options.postgresql) as db:
            soak = Soak(folder, db, options.seed)
            try:
                soak.run(options.minutes)
            finally:
                soak.end()
    print(f"{options.minutes:g} minutes: {dict(soak.done)}")


if __name__ == "__main__":
    main()
