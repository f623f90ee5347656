"""Trials, epochs and outcomes to pass to trackers."""

from lemur_core import Entry, Epoch, Outcome, Pipeline, State, Trial

PARTS = ("img-classification", "digits", "acc", "CNN")
SCORES = (0.25, 0.5, 0.375)


def pipeline(*parts):
    entry = Entry("any", "lemur_core.plugin")  # never loaded
    return Pipeline(*(parts or PARTS), entry, entry, entry, {})


def trial(number=1, *, done=(), parts=PARTS, **prm):
    prm = {"lr": 0.1, "batch": 8, "transform": "norm_32", "nesterov": True} | prm
    return Trial(
        pipeline(*parts), number, prm, seed=7, epochs=3, uid=f"{number:032x}", done=done, user="me"
    )


def epoch(number, **fields):
    values = {
        "loss": 2.0 / number,
        "validation": SCORES[number - 1],
        "accuracy": SCORES[number - 1] / 2,
        "duration_ns": number * 1_500_000_000,
    }
    return Epoch(number, **values | fields)


def epochs(count):
    return tuple(epoch(number) for number in range(1, count + 1))


def outcome(state, count=3, **fields):
    return Outcome(State(state), epochs(count), **fields)


def start(tracker, *pipelines):
    tracker.campaign_started(settings=None, pipelines=pipelines or [pipeline()], db="a.db")
    return tracker


def follow(tracker, followed, count=3, state="finished", **fields):
    """Pass a trial with its epochs after ``followed.done`` to a tracker."""
    tracker.trial_started(trial=followed)
    for number in range(len(followed.done) + 1, count + 1):
        tracker.epoch_ended(trial=followed, epoch=epoch(number))
    tracker.trial_finished(trial=followed, outcome=outcome(state, count, **fields))


def follow_side_by_side(tracker):
    """Pass trials 1 and 2 to a tracker: their epochs alternate, and only trial 2 ends."""
    first, second = trial(1), trial(2, lr=0.2)
    for each in (first, second):
        tracker.trial_started(trial=each)
    tracker.epoch_ended(trial=first, epoch=epoch(1))
    tracker.epoch_ended(trial=second, epoch=epoch(1, validation=1.0))
    tracker.trial_finished(trial=second, outcome=outcome("finished", 1))
    tracker.epoch_ended(trial=first, epoch=epoch(2))
    tracker.campaign_ended(summary=None)
