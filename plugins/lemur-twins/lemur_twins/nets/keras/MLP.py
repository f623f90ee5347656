"""MLP in Keras; see the net in PyTorch."""

from lemur_twins.backends.keras import KerasClassifier, hyperparameters
from lemur_twins.nets.pytorch import MLP as twin


def supported_hyperparameters():
    return hyperparameters(twin.supported_hyperparameters())


class Net(KerasClassifier):
    reference = twin.Net

    def model(self, in_shape, out_shape, prm):
        from keras import Input, Model, layers

        from lemur_twins.backends.keras_layers import activation, flatten

        act = activation(prm["activation"], self.conventions)
        epsilon = self.conventions.layer_norm_epsilon
        images = Input((*in_shape[2:], in_shape[1]))
        x = flatten(images, self.conventions)
        for number in (1, 2):
            x = layers.Dense(prm["width"], name=f"linear{number}")(x)
            x = act(layers.LayerNormalization(epsilon=epsilon, name=f"norm{number}")(x))
        return Model(images, layers.Dense(out_shape[0], name="linear3")(x))
