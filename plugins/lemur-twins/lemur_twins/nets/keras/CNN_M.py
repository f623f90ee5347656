"""CNN-M in Keras; see the net in PyTorch."""

from lemur_twins.backends.keras import KerasClassifier, hyperparameters
from lemur_twins.nets.pytorch import CNN_M as twin


def supported_hyperparameters():
    return hyperparameters(twin.supported_hyperparameters())


class Net(KerasClassifier):
    reference = twin.Net

    def model(self, in_shape, out_shape, prm):
        from keras import Input, Model, layers

        from lemur_twins.backends.keras_layers import activation, flatten

        act = activation(prm["activation"], self.conventions)
        images = x = Input((*in_shape[2:], in_shape[1]))
        for name, channels in (("conv1", 16), ("conv2", 32), ("conv3", 15)):
            x = layers.Conv2D(channels, 3, name=name)(x)
            x = act(layers.MaxPooling2D(2)(x))
        x = flatten(x, self.conventions)
        x = act(layers.Dense(20, name="linear1")(x))
        return Model(images, layers.Dense(out_shape[0], name="linear2")(x))
