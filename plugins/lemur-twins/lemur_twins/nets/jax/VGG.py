"""VGG in JAX; see the net in PyTorch."""

from itertools import chain

from lemur_twins.backends.jax import BatchNorm, FlattenImages, JaxClassifier, nnx
from lemur_twins.nets.pytorch import VGG as twin

supported_hyperparameters = twin.supported_hyperparameters


class Layers(nnx.Module):
    def __init__(self, in_shape, out_shape, prm, conventions, rngs):
        self.stages = nnx.static(tuple(map(tuple, twin.convolutions(in_shape[1], prm))))
        self.has_norm = prm["norm"] != "none"
        for number, channels_in, channels in chain(*self.stages):
            bias = not self.has_norm
            conv = nnx.Conv(channels_in, channels, (3, 3), padding=1, use_bias=bias, rngs=rngs)
            setattr(self, f"conv{number}", conv)
            if prm["norm"] == "batch":
                setattr(self, f"norm{number}", BatchNorm(channels, conventions, rngs))
            elif prm["norm"] == "group":
                epsilon = conventions.group_norm_epsilon
                norm = nnx.GroupNorm(channels, twin.GROUPS, epsilon=epsilon, rngs=rngs)
                setattr(self, f"norm{number}", norm)
        self.flatten = FlattenImages(conventions)
        self.linear1 = nnx.Linear(twin.flattened(in_shape, prm), prm["hidden"], rngs=rngs)
        self.linear2 = nnx.Linear(prm["hidden"], prm["hidden"], rngs=rngs)
        self.linear3 = nnx.Linear(prm["hidden"], out_shape[0], rngs=rngs)

    def __call__(self, images):
        x = images
        for stage in self.stages:
            for number, *_ in stage:
                x = getattr(self, f"conv{number}")(x)
                x = nnx.relu(getattr(self, f"norm{number}")(x) if self.has_norm else x)
            x = nnx.max_pool(x, (2, 2), strides=(2, 2))
        x = nnx.relu(self.linear1(self.flatten(x)))
        return self.linear3(nnx.relu(self.linear2(x)))


class Net(JaxClassifier):
    module = Layers
    reference = twin.Net
