"""Metrics, share of hits, that are right but for one thing."""


class Right:
    def __init__(self, out_shape):
        self.reset()

    def reset(self):
        self.hits = self.count = 0

    def update(self, outputs, targets):
        self.hits += (outputs.argmax(1) == targets).sum().item()
        self.count += len(targets)

    def compute(self):
        return self.hits / self.count


class WrongScore(Right):
    def compute(self):
        return super().compute() / 2


class AboveOne(Right):
    def compute(self):
        return self.hits


class LastBatchOnly(Right):
    def update(self, outputs, targets):
        self.reset()
        super().update(outputs, targets)


class NeverForgets(Right):
    def __init__(self, out_shape):
        self.hits = self.count = 0

    def reset(self):
        pass
