"""DenseNet in JAX; see the net in PyTorch."""

from lemur_twins.backends.jax import BatchNorm, JaxClassifier, jnp, nnx, same
from lemur_twins.nets.pytorch import DenseNet as twin

supported_hyperparameters = twin.supported_hyperparameters


def conv(channels_in, channels, kernel, rngs, stride=1, padding="SAME"):
    return nnx.Conv(
        channels_in,
        channels,
        (kernel, kernel),
        strides=stride,
        padding=padding,
        use_bias=False,
        rngs=rngs,
    )


class Layer(nnx.Module):
    def __init__(self, channels, growth, conventions, rngs):
        inner = twin.BOTTLENECK * growth
        self.norm1 = BatchNorm(channels, conventions, rngs)
        self.conv1 = conv(channels, inner, 1, rngs)
        self.norm2 = BatchNorm(inner, conventions, rngs)
        self.conv2 = conv(inner, growth, 3, rngs)

    def __call__(self, x):
        out = self.conv2(nnx.relu(self.norm2(self.conv1(nnx.relu(self.norm1(x))))))
        return jnp.concatenate([x, out], -1)


class Transition(nnx.Module):
    def __init__(self, channels, conventions, rngs):
        self.norm = BatchNorm(channels, conventions, rngs)
        self.conv = conv(channels, channels // 2, 1, rngs)

    def __call__(self, x):
        return nnx.avg_pool(self.conv(nnx.relu(self.norm(x))), (2, 2), strides=(2, 2))


class Layers(nnx.Module):
    def __init__(self, in_shape, out_shape, prm, conventions, rngs):
        self.conv = conv(in_shape[1], prm["width"], 7, rngs, 2, same(7, conventions))
        self.norm = BatchNorm(prm["width"], conventions, rngs)
        self.padding = nnx.static(same(3, conventions))
        parts = []
        for kind, name, channels in twin.layers_of(prm):
            if kind == "layer":
                part = Layer(channels, prm["growth"], conventions, rngs)
            else:
                of_kind = Transition if kind == "transition" else BatchNorm
                part = of_kind(channels, conventions, rngs)
            setattr(self, name, part)
            parts.append(name)
        self.parts = nnx.static(tuple(parts))
        self.linear = nnx.Linear(channels, out_shape[0], rngs=rngs)

    def __call__(self, images):
        x = nnx.relu(self.norm(self.conv(images)))
        x = nnx.max_pool(x, (3, 3), strides=(2, 2), padding=self.padding)
        for name in self.parts:
            x = getattr(self, name)(x)
        return self.linear(nnx.relu(x).mean((1, 2)))


class Net(JaxClassifier):
    module = Layers
    reference = twin.Net
