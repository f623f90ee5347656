"""Run a trial to its end, whatever its code does."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from lemur_core.errors import MisfitError
from lemur_core.kinds.loader import DataBundle
from lemur_core.train.trial import run_trial
from lemur_core.trial import Epoch, Outcome, State, Trial


def attempt(trial: Trial, bundle: DataBundle, epoch_ended: Callable[[Epoch], bool]) -> Outcome:
    """Train a trial and return how it ended; what its net raises ends it, and nothing else.

    Args:
        trial: What to train.
        bundle: Its data, with a validation split.
        epoch_ended: Called after each epoch; returns whether to stop there. What it raises is not
            the net's fault and is raised.
    """
    epochs: list[Epoch] = []
    running = run_trial(trial, bundle)
    while True:
        try:
            epoch = next(running, None)
        except KeyboardInterrupt:
            return Outcome(State.INTERRUPTED, tuple(epochs), "interrupted")
        # The net, the transform and the metric are a stranger's; each may raise anything.
        except (Exception, SystemExit) as error:
            misfit = isinstance(error, MisfitError)
            reason = f"{'' if misfit else type(error).__name__ + ': '}{error}".partition("\n")[0]
            return Outcome(State.FAILED, tuple(epochs), reason, traceback.format_exc(), misfit)
        if epoch is None:
            return Outcome(State.FINISHED, tuple(epochs))
        epochs.append(epoch)
        if epoch_ended(epoch) and epoch.number < trial.epochs:
            return Outcome(State.PRUNED, tuple(epochs))
