"""Top-3 accuracy."""


class TopThree:
    """Share of images whose true class is among the three most probable."""

    def __init__(self, out_shape):
        self.reset()

    def reset(self):
        self.hits = self.count = 0

    def update(self, outputs, targets):
        among = outputs.topk(min(3, outputs.shape[1])).indices == targets[:, None]
        self.hits += among.any(1).sum().item()
        self.count += len(targets)

    def compute(self):
        return self.hits / self.count
