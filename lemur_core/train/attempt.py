"""Run a trial to its end in this process, whatever exception its code raises."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import torch

from lemur_core.errors import CorruptSampleError, LabelError, MisfitError
from lemur_core.train.checkpoint import StateLostError
from lemur_core.train.stop import StopNow
from lemur_core.train.training import run_trial
from lemur_core.trial import Epoch, Outcome, State, Trial, TrialDecision

if TYPE_CHECKING:
    from collections.abc import Generator

    from lemur_core.train.data import Bundles
    from lemur_core.train.epoch_hooks import EpochHooks

# Foreign exceptions can have texts of any length; they are sent, stored and printed.
REASON_LENGTH, TRACEBACK_LENGTH = 500, 20_000
_GAP = "\n...\n"
# If a CPU runs out of memory, torch raises a plain RuntimeError.
_NO_CPU_MEMORY = "DefaultCPUAllocator: can't allocate memory"
# If a GPU runs out of memory, the first sentences state sizes; the others are general advice.
_SENTENCES = 3
ENDS = {
    TrialDecision.PRUNE: State.PRUNED,
    TrialDecision.CONVERGE: State.CONVERGED,
    TrialDecision.INTERRUPT: State.INTERRUPTED,
}


def attempt(
    trial: Trial, bundles: Bundles, hooks: EpochHooks | None = None
) -> Generator[Epoch, TrialDecision, Outcome]:
    """Train a trial; an exception that its net raises ends the trial only.

    Yields each epoch, receives a decision on it through ``send``, and returns the outcome.

    Args:
        trial: The trial to train.
        bundles: Provides the trial's data.
        hooks: Called with each epoch before it is yielded; None calls nothing.

    Raises:
        StopNow: The user asked the program to stop at once.
    """
    epochs = list(trial.done)
    running = None
    while True:
        try:
            running = running or run_trial(trial, bundles.get(trial.pipeline), hooks)
            epoch = next(running, None)
        except StopNow:
            raise
        # The net, the transform and the metric are foreign code; each may raise anything,
        # including SystemExit.
        except BaseException as error:
            # Only a resumed trial has a state to lose; a net may raise this exception too.
            if isinstance(error, StateLostError) and 0 < len(trial.done) == len(epochs):
                return Outcome(State.ABANDONED, tuple(epochs), str(error)[:REASON_LENGTH])
            return _failed(epochs, error)
        if epoch is None:
            return Outcome(State.FINISHED, tuple(epochs))
        epochs.append(epoch)
        decision = yield epoch
        if decision in ENDS and epoch.number < trial.epochs:
            return Outcome(ENDS[decision], tuple(epochs))


def _failed(epochs: list[Epoch], error: BaseException) -> Outcome:
    corrupt = isinstance(error, CorruptSampleError | LabelError)
    misfit = corrupt or isinstance(error, MisfitError)
    text = _text(error).partition("\n")[0]
    if isinstance(error, torch.OutOfMemoryError):
        text = ". ".join(text.split(". ")[:_SENTENCES])
    reason = text if misfit else f"{type(error).__name__}: {text}"
    return Outcome(
        State.FAILED,
        tuple(epochs),
        reason[:REASON_LENGTH],
        _shortened(traceback.format_exc()),
        misfit,
        not misfit and _ran_out_of_memory(error, text),
        corrupt,
    )


def _ran_out_of_memory(error: BaseException, text: str) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or _NO_CPU_MEMORY in text


def _shortened(text: str) -> str:
    if len(text) <= TRACEBACK_LENGTH:
        return text
    half = TRACEBACK_LENGTH // 2 - len(_GAP)
    return f"{text[:half]}{_GAP}{text[-half:]}"


def _text(error: BaseException) -> str:
    try:
        return str(error)
    # Converting a foreign exception to text runs foreign code.
    except StopNow:
        raise
    except BaseException:
        return "(its text cannot be shown)"
