"""DenseNet in Keras; see the net in PyTorch."""

from lemur_twins.backends.keras import KerasClassifier, hyperparameters
from lemur_twins.nets.pytorch import DenseNet as twin


def supported_hyperparameters():
    return hyperparameters(twin.supported_hyperparameters())


class Net(KerasClassifier):
    reference = twin.Net

    def model(self, in_shape, out_shape, prm):
        from keras import Input, Model, layers

        from lemur_twins.backends.keras_layers import BatchNormalization, conv, padded

        def normed(x, name):
            return layers.ReLU()(BatchNormalization(self.conventions, name)(x))

        def convolved(x, channels, kernel, name, stride=1):
            options = {"strides": stride, "use_bias": False, "name": name}
            return conv(x, channels, kernel, self.conventions, **options)

        def layer(x, name):
            inner = twin.BOTTLENECK * prm["growth"]
            out = convolved(normed(x, f"{name}-norm1"), inner, 1, f"{name}-conv1")
            out = convolved(normed(out, f"{name}-norm2"), prm["growth"], 3, f"{name}-conv2")
            return layers.Concatenate()([x, out])

        images = Input((*in_shape[2:], in_shape[1]))
        x = normed(convolved(images, prm["width"], 7, "conv", stride=2), "norm")
        x, padding = padded(x, 3, 2, self.conventions)
        x = layers.MaxPooling2D(3, strides=2, padding=padding)(x)
        for kind, name, channels in twin.layers_of(prm):
            if kind == "layer":
                x = layer(x, name)
            elif kind == "transition":
                x = convolved(normed(x, f"{name}-norm"), channels // 2, 1, f"{name}-conv")
                x = layers.AveragePooling2D(2)(x)
            else:
                x = normed(x, name)
        x = layers.GlobalAveragePooling2D()(x)
        return Model(images, layers.Dense(out_shape[0], name="linear")(x))
