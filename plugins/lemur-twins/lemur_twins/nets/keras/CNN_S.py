"""CNN-S in Keras; see the net in PyTorch."""

from lemur_twins.backends.keras import KerasClassifier, hyperparameters
from lemur_twins.nets.pytorch import CNN_S as twin


def supported_hyperparameters():
    return hyperparameters(twin.supported_hyperparameters())


class Net(KerasClassifier):
    reference = twin.Net

    def model(self, in_shape, out_shape, prm):
        from keras import Input, Model, layers

        from lemur_twins.backends.keras_layers import activation, flatten

        act = activation(prm["activation"], self.conventions)
        images = Input((*in_shape[2:], in_shape[1]))
        x = layers.Conv2D(8, 5, name="conv1")(images)
        x = act(layers.MaxPooling2D(2)(x))
        x = layers.Conv2D(6, 5, name="conv2")(x)
        x = act(layers.MaxPooling2D(2)(x))
        x = act(layers.Conv2D(4, 2, name="conv3")(x))
        x = flatten(x, self.conventions)
        x = act(layers.Dense(20, name="linear1")(x))
        return Model(images, layers.Dense(out_shape[0], name="linear2")(x))
