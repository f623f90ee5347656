"""Fails in its second epoch."""

from lemur_toy.nets import Linear

supported_hyperparameters = Linear.supported_hyperparameters


class Net(Linear.Net):
    epochs = 0

    def learn(self, train_data):
        self.epochs += 1
        if self.epochs == 2:
            raise RuntimeError("out of luck\nand more")
        return super().learn(train_data)
