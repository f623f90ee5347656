"""Metrics of the share of hits, with one fault each."""


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


class ShareFound:
    """A correct metric: the share of objects, without crowds, whose label is detected."""

    def __init__(self, out_shape):
        assert out_shape == (5,)
        self.reset()

    def reset(self):
        self.hits = self.count = 0

    def update(self, outputs, targets):
        for output, target in zip(outputs, targets, strict=True):
            assert output["boxes"].shape == (*output["labels"].shape, 4)
            assert output["boxes"].shape[:1] == output["scores"].shape
            assert target["boxes"].shape == (*target["area"].shape, 4)
            assert isinstance(target["image_id"], int)
            single = target["labels"][target["iscrowd"] == 0]
            self.hits += sum(label in output["labels"] for label in single)
            self.count += len(single)

    def compute(self):
        return self.hits / self.count
