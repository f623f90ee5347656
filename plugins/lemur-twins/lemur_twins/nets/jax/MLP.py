"""MLP in JAX; see the net in PyTorch."""

from lemur_twins.backends.jax import FlattenImages, JaxClassifier, activation, nnx
from lemur_twins.nets.pytorch import MLP as twin

supported_hyperparameters = twin.supported_hyperparameters


class Layers(nnx.Module):
    def __init__(self, in_shape, out_shape, prm, conventions, rngs):
        _, channels, height, width = in_shape
        hidden, epsilon = prm["width"], conventions.layer_norm_epsilon
        self.activation = activation(prm["activation"], conventions)
        self.flatten = FlattenImages(conventions)
        self.linear1 = nnx.Linear(channels * height * width, hidden, rngs=rngs)
        self.norm1 = nnx.LayerNorm(hidden, epsilon=epsilon, rngs=rngs)
        self.linear2 = nnx.Linear(hidden, hidden, rngs=rngs)
        self.norm2 = nnx.LayerNorm(hidden, epsilon=epsilon, rngs=rngs)
        self.linear3 = nnx.Linear(hidden, out_shape[0], rngs=rngs)

    def __call__(self, images):
        x = self.activation(self.norm1(self.linear1(self.flatten(images))))
        x = self.activation(self.norm2(self.linear2(x)))
        return self.linear3(x)


class Net(JaxClassifier):
    module = Layers
    reference = twin.Net
