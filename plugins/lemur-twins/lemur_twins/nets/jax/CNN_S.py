"""CNN-S in JAX; see the net in PyTorch."""

from lemur_twins.backends.jax import FlattenImages, JaxClassifier, activation, nnx
from lemur_twins.nets.pytorch import CNN_S as twin

supported_hyperparameters = twin.supported_hyperparameters


def pool(x):
    return nnx.max_pool(x, (2, 2), strides=(2, 2))


class Layers(nnx.Module):
    def __init__(self, in_shape, out_shape, prm, conventions, rngs):
        height, width = twin.features(*in_shape[2:])
        self.conv1 = nnx.Conv(in_shape[1], 8, (5, 5), padding="VALID", rngs=rngs)
        self.conv2 = nnx.Conv(8, 6, (5, 5), padding="VALID", rngs=rngs)
        self.conv3 = nnx.Conv(6, 4, (2, 2), padding="VALID", rngs=rngs)
        self.activation = activation(prm["activation"], conventions)
        self.flatten = FlattenImages(conventions)
        self.linear1 = nnx.Linear(4 * height * width, 20, rngs=rngs)
        self.linear2 = nnx.Linear(20, out_shape[0], rngs=rngs)

    def __call__(self, images):
        x = self.activation(pool(self.conv1(images)))
        x = self.activation(pool(self.conv2(x)))
        x = self.flatten(self.activation(self.conv3(x)))
        return self.linear2(self.activation(self.linear1(x)))


class Net(JaxClassifier):
    module = Layers
    reference = twin.Net
