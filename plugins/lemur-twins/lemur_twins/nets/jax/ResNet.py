"""ResNet in JAX; see the net in PyTorch."""

from lemur_twins.backends.jax import BatchNorm, JaxClassifier, nnx, same
from lemur_twins.nets.pytorch import ResNet as twin

supported_hyperparameters = twin.supported_hyperparameters


def conv(channels_in, channels, kernel, stride, conventions, rngs):
    return nnx.Conv(
        channels_in,
        channels,
        (kernel, kernel),
        strides=stride,
        padding=same(kernel, conventions),
        use_bias=False,
        rngs=rngs,
    )


class Bottleneck(nnx.Module):
    def __init__(self, channels, inner, stride, conventions, rngs):
        outer = inner * twin.EXPANSION
        self.conv1 = conv(channels, inner, 1, 1, conventions, rngs)
        self.norm1 = BatchNorm(inner, conventions, rngs)
        self.conv2 = conv(inner, inner, 3, stride, conventions, rngs)
        self.norm2 = BatchNorm(inner, conventions, rngs)
        self.conv3 = conv(inner, outer, 1, 1, conventions, rngs)
        self.norm3 = BatchNorm(outer, conventions, rngs)
        self.has_projection = stride != 1 or channels != outer
        if self.has_projection:
            self.projection = conv(channels, outer, 1, stride, conventions, rngs)
            self.norm = BatchNorm(outer, conventions, rngs)

    def __call__(self, x):
        out = nnx.relu(self.norm1(self.conv1(x)))
        out = nnx.relu(self.norm2(self.conv2(out)))
        out = self.norm3(self.conv3(out))
        return nnx.relu(out + (self.norm(self.projection(x)) if self.has_projection else x))


class Layers(nnx.Module):
    def __init__(self, in_shape, out_shape, prm, conventions, rngs):
        self.conv = conv(in_shape[1], prm["width"], 7, 2, conventions, rngs)
        self.norm = BatchNorm(prm["width"], conventions, rngs)
        self.padding = nnx.static(same(3, conventions))
        blocks = []
        for name, channels, inner, stride in twin.bottlenecks(prm):
            setattr(self, name, Bottleneck(channels, inner, stride, conventions, rngs))
            blocks.append(name)
        self.blocks = nnx.static(tuple(blocks))
        self.linear = nnx.Linear(inner * twin.EXPANSION, out_shape[0], rngs=rngs)

    def __call__(self, images):
        x = nnx.relu(self.norm(self.conv(images)))
        x = nnx.max_pool(x, (3, 3), strides=(2, 2), padding=self.padding)
        for name in self.blocks:
            x = getattr(self, name)(x)
        return self.linear(x.mean((1, 2)))


class Net(JaxClassifier):
    module = Layers
    reference = twin.Net
