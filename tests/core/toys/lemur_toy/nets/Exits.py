"""Calls sys.exit while it learns."""

import sys

from lemur_toy.nets import Linear

supported_hyperparameters = Linear.supported_hyperparameters


class Net(Linear.Net):
    def learn(self, train_data):
        sys.exit(7)
