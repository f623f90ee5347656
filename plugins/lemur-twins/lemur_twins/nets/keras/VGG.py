"""VGG in Keras; see the net in PyTorch."""

from lemur_twins.backends.keras import KerasClassifier, hyperparameters
from lemur_twins.nets.pytorch import VGG as twin


def supported_hyperparameters():
    return hyperparameters(twin.supported_hyperparameters())


class Net(KerasClassifier):
    reference = twin.Net

    def model(self, in_shape, out_shape, prm):
        from keras import Input, Model, layers

        from lemur_twins.backends.keras_layers import BatchNormalization, flatten

        def norm(number):
            if prm["norm"] == "batch":
                return BatchNormalization(self.conventions, f"norm{number}")
            epsilon = self.conventions.group_norm_epsilon
            return layers.GroupNormalization(twin.GROUPS, epsilon=epsilon, name=f"norm{number}")

        has_norm = prm["norm"] != "none"
        images = x = Input((*in_shape[2:], in_shape[1]))
        for stage in twin.convolutions(in_shape[1], prm):
            for number, _, channels in stage:
                name = f"conv{number}"
                x = layers.Conv2D(channels, 3, padding="same", use_bias=not has_norm, name=name)(x)
                x = layers.Activation("relu")(norm(number)(x) if has_norm else x)
            x = layers.MaxPooling2D(2)(x)
        x = flatten(x, self.conventions)
        for name in ("linear1", "linear2"):
            x = layers.Dense(prm["hidden"], activation="relu", name=name)(x)
        return Model(images, layers.Dense(out_shape[0], name="linear3")(x))
