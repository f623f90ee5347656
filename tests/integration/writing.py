"""Write trials as a campaign does, in a separate process: DATABASE TRIALS EPOCHS PAUSE_S.

It starts when it reads a line, so that many can start together. All write the same code and prm.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from lemur_core.entry import Entry
from lemur_core.pipeline import Pipeline
from lemur_core.store.database import open_database
from lemur_core.store.writing.writer import NumberTakenError, Writer
from lemur_core.trial import Epoch, Outcome, State, Trial


def pipeline(number, folder):
    """A study in which each trial has different code."""
    file = Path(folder, "Net.py")
    file.write_text(f"# {number}\n")
    other = Entry("other", __file__)
    return Pipeline(
        "task", "data", "score", "Net", other, other, Entry("Net", str(file)), {"plain": other}
    )


def begin(writer, pipeline, lr, epochs):
    prm = {"lr": lr, "batch": 2, "transform": "plain"}
    while True:
        trial = Trial(pipeline, writer.next_number(pipeline), prm, 1, epochs)
        try:
            return writer.begin(trial)
        except NumberTakenError:
            continue


def write(writer, trials, epochs, pause_s, folder):
    for number in range(trials):
        trial_id = begin(writer, pipeline(number, folder), number, epochs)
        for epoch in range(1, epochs + 1):
            writer.record(trial_id, Epoch(epoch, 0.5, 0.25, number / 100, epoch * 10**10))
            time.sleep(pause_s)
        writer.finish(trial_id, Outcome(State.FINISHED, ()))


def main(database, trials, epochs, pause_s):
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    input()
    engine = open_database(database)
    with TemporaryDirectory() as folder:
        write(Writer(engine, {}), int(trials), int(epochs), float(pause_s), folder)
    engine.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:])
