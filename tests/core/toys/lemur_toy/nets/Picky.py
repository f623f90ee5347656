"""Takes images of 8 px only, and does not say so."""

from lemur_toy.nets import Linear

supported_hyperparameters = Linear.supported_hyperparameters


class Net(Linear.Net):
    def forward(self, images):
        return super().forward(images[:, :, :, :].reshape(len(images), 1, 8, 8))
