import random

from lemur_core.kinds.estimator import Estimate, check_score


class Guess:
    """Breaks no rule: predicts the last score."""

    interval = 1.0

    def __init__(self, known, *, offset: float = 0.0):
        self.offset = offset

    def update(self, epoch, score, loss):
        check_score(score)
        return Estimate(epoch > 3, self.guessed(score, loss))

    def guessed(self, score, loss):
        return score


class OptionWithoutDefault(Guess):
    def __init__(self, known, *, offset):
        self.offset = offset


class AboveOne(Guess):
    def guessed(self, score, loss):
        return score + 0.5


class DrawsAnew(Guess):
    def guessed(self, score, loss):
        return random.random()


class NeedsLosses(Guess):
    def guessed(self, score, loss):
        return max(0.0, score - 0.001 * loss)


class TakesPercent(Guess):
    def update(self, epoch, score, loss):
        return Estimate(epoch > 3, min(1.0, max(0.0, score)))
