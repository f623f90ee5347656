"""The nets of torchvision, as it defines and initialises them."""

from torchvision import models

from lemur_twins.backends.pytorch import PyTorchClassifier
from lemur_twins.hyperparameters import TRAINING

BUILDERS = {
    "VGG16": models.vgg16,
    "ResNet50": models.resnet50,
    "DenseNet121": models.densenet121,
}


def supported_hyperparameters():
    return TRAINING | {"model": "ResNet50"}


class Net(PyTorchClassifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        if in_shape[1] != 3:
            raise ValueError(f"{in_shape[1]} channels: torchvision's nets take 3")
        self.layers = BUILDERS[prm["model"]](weights=None, num_classes=out_shape[0])

    def forward(self, images):
        return self.layers(images)
