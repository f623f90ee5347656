"""Rules that stop a trial when it no longer gets better; what they predict is the best so far."""

from __future__ import annotations

from lemur_core.kinds.estimator import Estimate, TrialHistory, check_score, within


class Patience:
    """Ends a trial whose score has not risen for some epochs.

    Args:
        known: What is known of the study.
        interval: How often scores are measured, in epochs.
        epochs: How long it may not rise.
        rise: By how much it must, 0 to 1, to count.
    """

    def __init__(
        self, known: TrialHistory, *, interval: float = 1.0, epochs: float = 5.0, rise: float = 0.0
    ) -> None:
        within("interval", interval, 0.01, 1)
        within("epochs", epochs, 0)
        within("rise", rise, 0, 1)
        self.interval, self.epochs, self.rise = interval, epochs, rise
        self.highest = self.counted = float("-inf")
        self.since = 0.0

    def update(self, epoch: float, score: float, loss: float | None) -> Estimate:
        """Take what was measured and say what is believed, as `lemur_core.kinds.estimator` says."""
        check_score(score)
        self.highest = max(self.highest, score)
        if score > self.counted + self.rise:
            self.counted, self.since = score, epoch
        over = epoch - self.since >= self.epochs
        return Estimate(over, self.highest, reason=f"no rise in {self.epochs:g} epochs" * over)


class Menndl:
    """Ends a trial whose training loss has not fallen for some epochs: MENNDL's rule.

    It is what PEng4NN (arXiv 2101.04185) is compared with, with 10 epochs. A trial whose losses are
    not known goes on.

    Args:
        known: What is known of the study.
        epochs: How long the least loss may stand.
    """

    def __init__(self, known: TrialHistory, *, epochs: float = 10.0) -> None:
        within("epochs", epochs, 0)
        self.interval, self.epochs = 1.0, epochs
        self.highest, self.least = float("-inf"), float("inf")
        self.since: float | None = None

    def update(self, epoch: float, score: float, loss: float | None) -> Estimate:
        """Take what was measured and say what is believed, as `lemur_core.kinds.estimator` says."""
        check_score(score)
        self.highest = max(self.highest, score)
        if loss is not None and (self.since is None or loss < self.least):
            self.least, self.since = loss, epoch
        over = self.since is not None and epoch - self.since >= self.epochs
        reason = f"the loss has not fallen for {self.epochs:g} epochs" * over
        return Estimate(over, self.highest, reason=reason)
