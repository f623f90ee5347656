"""ResNet in Keras; see the net in PyTorch."""

from lemur_twins.backends.keras import KerasClassifier, hyperparameters
from lemur_twins.nets.pytorch import ResNet as twin


def supported_hyperparameters():
    return hyperparameters(twin.supported_hyperparameters())


class Net(KerasClassifier):
    reference = twin.Net

    def model(self, in_shape, out_shape, prm):
        from keras import Input, Model, layers

        from lemur_twins.backends.keras_layers import BatchNormalization, conv, padded

        relu = layers.ReLU

        def normed(x, channels, kernel, stride, name, norm):
            options = {"strides": stride, "use_bias": False, "name": name}
            x = conv(x, channels, kernel, self.conventions, **options)
            return BatchNormalization(self.conventions, norm)(x)

        def bottleneck(x, name, channels, inner, stride):
            outer = inner * twin.EXPANSION
            out = relu()(normed(x, inner, 1, 1, f"{name}-conv1", f"{name}-norm1"))
            out = relu()(normed(out, inner, 3, stride, f"{name}-conv2", f"{name}-norm2"))
            out = normed(out, outer, 1, 1, f"{name}-conv3", f"{name}-norm3")
            if stride != 1 or channels != outer:
                x = normed(x, outer, 1, stride, f"{name}-projection", f"{name}-norm")
            return relu()(layers.Add()([out, x]))

        images = Input((*in_shape[2:], in_shape[1]))
        x = relu()(normed(images, prm["width"], 7, 2, "conv", "norm"))
        x, padding = padded(x, 3, 2, self.conventions)
        x = layers.MaxPooling2D(3, strides=2, padding=padding)(x)
        for block in twin.bottlenecks(prm):
            x = bottleneck(x, *block)
        x = layers.GlobalAveragePooling2D()(x)
        return Model(images, layers.Dense(out_shape[0], name="linear")(x))
