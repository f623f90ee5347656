"""The nets of keras.applications, as it defines and initialises them, without the last softmax."""

from lemur_twins.backends.keras import KerasClassifier, hyperparameters
from lemur_twins.hyperparameters import TRAINING


def supported_hyperparameters():
    return hyperparameters(TRAINING | {"model": "ResNet50"})


class Net(KerasClassifier):
    def model(self, in_shape, out_shape, prm):
        from keras import applications

        return getattr(applications, prm["model"])(
            weights=None,
            input_shape=(*in_shape[2:], in_shape[1]),
            classes=out_shape[0],
            classifier_activation=None,
        )
