"""Has a weight that is not a number, and a loss that is."""

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location("good", Path(__file__).with_name("Good.py"))
good = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(good)
supported_hyperparameters = good.supported_hyperparameters


class Net(good.SecondEpoch):
    def learn(self, train_data):
        loss = super().learn(train_data)
        if self.epochs == 2:
            good.poison(self)
        return loss

    def go_wrong(self):
        pass
