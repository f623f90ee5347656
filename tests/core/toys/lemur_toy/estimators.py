from lemur_core.errors import SettingsError
from lemur_core.kinds.estimator import Estimate


class Soon:
    """Predicts a fixed score after so many epochs, and remembers its arguments."""

    received = []

    def __init__(self, known, *, after=2.0, score=0.75, interval=1.0):
        if after < 0:
            raise SettingsError(f"after is {after}; expected 0 or more")
        self.after, self.score, self.interval = after, score, interval
        self.received.append([known])

    def update(self, epoch, score, loss):
        self.received[-1].append((epoch, score, loss))
        settled = epoch >= self.after
        return Estimate(settled, self.score if settled else None, parameters={"a": 1.5})


class Raises(Soon):
    """Raises at its second epoch."""

    def update(self, epoch, score, loss):
        if epoch > 1:
            raise ZeroDivisionError("no curve")
        return Estimate(False, None)
