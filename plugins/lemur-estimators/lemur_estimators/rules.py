"""Rules that stop a trial when it stops improving, and predict the best score so far."""

from __future__ import annotations

from lemur_core.kinds.estimator import Estimate, TrialHistory, check_score, within


class Patience:
    """Stops a trial whose score has not risen for some epochs.

    Args:
        history: What is known when the trial starts.
        interval: The number of epochs between two scores.
        epochs: The number of epochs without a rise after which a trial is stopped.
        rise: The score must exceed that of the last rise by more than this to count, 0 to 1.
    """

    def __init__(
        self,
        history: TrialHistory,
        *,
        interval: float = 1.0,
        epochs: float = 5.0,
        rise: float = 0.0,
    ) -> None:
        within("interval", interval, 0.01, 1)
        within("epochs", epochs, 0)
        within("rise", rise, 0, 1)
        self.interval, self.epochs, self.rise = interval, epochs, rise
        self.highest = self.counted = float("-inf")
        self.since = 0.0

    def update(self, epoch: float, score: float, loss: float | None) -> Estimate:
        """Add a measurement and return the prediction; see `lemur_core.kinds.estimator`."""
        check_score(score)
        self.highest = max(self.highest, score)
        if score > self.counted + self.rise:
            self.counted, self.since = score, epoch
        stop = epoch - self.since >= self.epochs
        return Estimate(stop, self.highest, reason=f"no rise in {self.epochs:g} epochs" * stop)


class Menndl:
    """Stops a trial whose training loss has not fallen for some epochs: MENNDL's rule.

    The PEng4NN paper (arXiv 2101.04185) compares with this rule, with 10 epochs. A trial without
    losses is not stopped.

    Args:
        history: What is known when the trial starts.
        epochs: The number of epochs without a new lowest loss after which a trial is stopped.
    """

    def __init__(self, history: TrialHistory, *, epochs: float = 10.0) -> None:
        within("epochs", epochs, 0)
        self.interval, self.epochs = 1.0, epochs
        self.highest, self.least = float("-inf"), float("inf")
        self.since: float | None = None

    def update(self, epoch: float, score: float, loss: float | None) -> Estimate:
        """Add a measurement and return the prediction; see `lemur_core.kinds.estimator`."""
        check_score(score)
        self.highest = max(self.highest, score)
        if loss is not None and (self.since is None or loss < self.least):
            self.least, self.since = loss, epoch
        stop = self.since is not None and epoch - self.since >= self.epochs
        reason = f"the loss has not fallen for {self.epochs:g} epochs" * stop
        return Estimate(stop, self.highest, reason=reason)
