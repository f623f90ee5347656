"""Disturb a campaign for as long as is asked, and see that nothing is lost and nothing is twice.

    python tests/integration/soak.py --minutes 30

A good net and nets that exit, crash, hang, go NaN and more are trained by two workers, while the
campaign is killed, interrupted and locked out of its database, and its workers are killed, at
random moments. After each disturbance every epoch that was said to be recorded must be there, once,
with its values. A campaign that comes to its end must have exactly the trials it was asked for;
then more are asked for. In the end no process and no state of a trial may be left over.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

FAULTS = Path(__file__).with_name("faults")
BAD = ("Quits", "Leaves", "Crashes", "Diverges", "Poisoned", "Unbuilt", "Killed", "Mute", "Sleeps")
EPOCHS, MORE = 12, 12


class Soak:
    """A campaign's database, and what was said of it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.db = folder, folder / "lemur.db"
        self.drawn = random.Random(seed)
        self.acknowledged: dict[tuple[str, int, int], tuple[float, float]] = {}
        self.done: Counter[str] = Counter()
        self.trials = MORE

    def command(self, nets: list[str]) -> list[str]:
        files = [f"--net={FAULTS / net}.py" for net in nets]
        return [
            sys.executable, "-m", "lemur_core", "run", "img-classification_digits_acc", *files,
            "--transform", "norm_32", "-t", str(self.trials), "-e", str(EPOCHS), "--workers", "2",
            "--threads", "1", "--fail-attempts", "2", "--epoch-limit", "0.25", "--json",
        ]  # fmt: skip

    def nets(self) -> list[str]:
        nets = ["Good", *self.drawn.sample(BAD, 3)]
        self.drawn.shuffle(nets)
        return nets

    def disturbed(self) -> None:
        """Run the campaign, disturb it once or more, and check what it left."""
        output = self.folder / "output"
        with output.open("w") as file:
            campaign = subprocess.Popen(self.command(self.nets()), cwd=self.folder, stdout=file)
            while campaign.poll() is None:
                try:
                    campaign.wait(self.drawn.uniform(0, 25))
                except subprocess.TimeoutExpired:
                    self.disturb(campaign)
        self.done[f"ended with {campaign.returncode}"] += 1
        assert campaign.returncode in (0, 1, 130, -9), output.read_text()
        self.check(output)
        if campaign.returncode in (0, 1):
            self.check_count()
            self.trials += MORE

    def disturb(self, campaign: subprocess.Popen) -> None:
        ways = [self.kill, self.kill, self.kill, self.interrupt, self.kill_worker, self.lock]
        way = self.drawn.choice(ways)
        self.done[way.__name__] += 1
        way(campaign)

    def kill(self, campaign: subprocess.Popen) -> None:
        campaign.kill()
        campaign.wait()

    def interrupt(self, campaign: subprocess.Popen) -> None:
        campaign.send_signal(signal.SIGINT)
        if self.drawn.random() < 0.5:
            time.sleep(self.drawn.uniform(0, 1))
            campaign.send_signal(signal.SIGINT)

    def kill_worker(self, campaign: subprocess.Popen) -> None:
        workers = psutil.Process(campaign.pid).children()
        if workers:
            self.drawn.choice(workers).kill()

    def lock(self, campaign: subprocess.Popen) -> None:
        if not self.db.exists():
            return
        connection = sqlite3.connect(self.db, timeout=10, isolation_level=None)
        connection.execute("begin immediate")
        time.sleep(self.drawn.uniform(0, 5))
        connection.execute("rollback")
        connection.close()

    def check(self, output: Path) -> None:
        for line in output.read_text().splitlines(keepends=True):
            event = json.loads(line) if line.endswith("\n") else {"event": "cut off"}
            if event["event"] == "EpochEnded":
                key = event["pipeline"].rpartition("_")[2], event["trial"], event["epoch"]
                self.acknowledged[key] = event["validation"], event["accuracy"]
        if not self.db.exists():
            return
        with sqlite3.connect(self.db) as connection:
            [(check,)] = connection.execute("pragma integrity_check")
            rows = connection.execute(
                "select nn, number, epoch, validation, accuracy from stat"
                " join trial on trial.id = trial_id"
            ).fetchall()
        assert check == "ok", check
        stored = {(nn, number, epoch): (validation, accuracy) for nn, number, epoch, validation,
                  accuracy in rows}  # fmt: skip
        assert len(stored) == len(rows), "an epoch is there twice"
        lost = {key for key, scores in self.acknowledged.items() if stored.get(key) != scores}
        assert not lost, f"lost or changed: {lost}"

    def check_count(self) -> None:
        with sqlite3.connect(self.db) as connection:
            finished = connection.execute(
                "select trial_id, count(*), max(epoch) from stat join trial on trial.id = trial_id"
                " where nn = 'Good' and state = 'finished' group by 1"
            ).fetchall()
        assert len(finished) == self.trials, f"{len(finished)} trials, not {self.trials}"
        assert all(row[1:] == (EPOCHS, EPOCHS) for row in finished)

    def end(self) -> None:
        """Let the campaign come to its end, and see that nothing stays behind."""
        output = self.folder / "output"
        # All nets: what was left of a trial is ended by a campaign that trains its net.
        with output.open("w") as file:
            ended = subprocess.run(self.command(["Good", *BAD]), cwd=self.folder, stdout=file)
        assert ended.returncode == 1, output.read_text()
        self.check(output)
        self.check_count()
        with sqlite3.connect(self.db) as connection:
            states = dict(connection.execute("select state, count(*) from trial group by 1"))
            reasons = connection.execute(
                "select nn, reason, count(*) from trial where state = 'failed' group by 1, 2"
            ).fetchall()
        assert "running" not in states
        places = (self.folder / "lemur.db-checkpoints").iterdir()
        left = [place.name.partition(".")[0] for place in places]
        with sqlite3.connect(self.db) as connection:
            open_ = connection.execute("select uid from trial where state = 'interrupted'")
            assert set(left) <= {uid for (uid,) in open_}, "states of trials that ended are left"
        assert not (self.folder / "lemur.db-unwritten.jsonl").exists()
        assert not self.processes(), "processes are left over"
        print(f"trials: {states}; epochs acknowledged: {len(self.acknowledged)}, none lost")
        for nn, reason, count in reasons:
            print(f"  {nn}: {reason} ({count})")

    def processes(self) -> list[int]:
        time.sleep(2)
        left = []
        for process in psutil.process_iter(["pid", "cwd", "status"]):
            here = process.info["cwd"] == str(self.folder)
            if here and process.info["status"] != psutil.STATUS_ZOMBIE:
                left.append(process.pid)
        return left


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder).resolve(), options.seed)
        while time.monotonic() < until:
            soak.disturbed()
        soak.end()
    print(f"{options.minutes:g} minutes: {dict(soak.done)}")


if __name__ == "__main__":
    main()
