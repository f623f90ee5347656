"""Start a number of trials, and record the epochs requested by lines `TRIAL EPOCH`."""

import sys

from lemur_core.composition import compose
from lemur_core.pattern import Pattern
from lemur_core.registry import installed
from lemur_core.store.database import open_database
from lemur_core.store.writing.writer import TrialLostError, Writer
from lemur_core.trial import Epoch, Trial


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(db, count):
    [pipeline] = compose(installed(), [Pattern.parse("img-classification_blobs_hits_Linear")])
    writer = Writer(open_database(db), {})
    for number in range(1, int(count) + 1):
        prm = {"lr": 0.1 * number, "batch": 16, "transform": "plain"}
        writer.begin(Trial(pipeline, number, prm, 7, 3))
    say("begun")
    for line in sys.stdin:
        trial_id, number = map(int, line.split())
        try:
            writer.record(trial_id, Epoch(number, 0.5, 0.75, 0.25, number * 10**10))
        except TrialLostError as error:
            say(f"lost: {error}")
        else:
            say("recorded")


if __name__ == "__main__":
    main(*sys.argv[1:])
