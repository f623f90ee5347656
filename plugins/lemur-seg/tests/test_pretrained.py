"""Backbones load torchvision's weights from files with torchvision's names."""

import pytest
import torch
from torchvision import models

from lemur_core.errors import MissingDataError
from lemur_core.kinds.net import as_net
from lemur_core.space import net_space

from .test_nets import ENTRIES, build

# torchvision's net with the same backbone, and the name of the backbone in both nets.
BACKBONES = {
    "DeepLabV3-1": ("resnet50", "backbone", ""),
    "DeepLabV3-2": ("resnet101", "backbone", ""),
    "FCN16s": ("vgg16", "features", "features."),
    "FCN32s-1": ("resnet50", "backbone", ""),
    "FCN32s-2": ("resnet101", "backbone", ""),
    "FCN32s-3": ("vgg16", "features", "features."),
    "FCN8s": ("vgg16", "features", "features."),
    "LRASPP": ("mobilenet_v3_large", "features", "features."),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the folder that is searched for weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    checkpoints = tmp_path / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    return checkpoints


def file_of(name):
    url = models.get_model_weights(BACKBONES[name][0]).IMAGENET1K_V1.url
    return url.rpartition("/")[2]


def published(name):
    """Return weights named and shaped as torchvision's, each filled with its index."""
    with torch.device("meta"):
        state = models.get_model(BACKBONES[name][0], weights=None).state_dict()
    return {
        key: torch.tensor(number, dtype=value.dtype).expand(value.shape)
        for number, (key, value) in enumerate(state.items(), 1)
    }


def test_a_net_says_whether_it_can_be_pretrained():
    spaces = {
        name: net_space(as_net(entry.load(), name).hyperparameters())
        for name, entry in ENTRIES.items()
    }
    names = {name for name, space in spaces.items() if "pretrained" in space}
    assert names == set(BACKBONES)
    assert all(str(spaces[name]["pretrained"]) == "0" for name in names)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_pretrained_backbone_has_torchvisions_weights(name, folder):
    weights = published(name)
    torch.save(weights, folder / file_of(name))
    _, part, prefix = BACKBONES[name]
    backbone = getattr(build(name, pretrained=1)[0], part)
    left = [key for key in weights if not key.startswith(("fc", "classifier"))]
    assert [prefix + key for key in backbone.state_dict()] == left
    for key, value in backbone.state_dict().items():
        assert torch.equal(value, weights[prefix + key]), key


@pytest.mark.parametrize("name", BACKBONES)
def test_the_first_kernels_are_summed_for_grey_images(name, folder):
    torch.save(published(name), folder / file_of(name))
    net = build(name, channels=1, pretrained=1)[0]
    first = next(net.parameters())
    assert first.shape[1] == 1
    # The first tensor has the number 1, and there are three channels.
    assert (first == 3).all()


@pytest.mark.parametrize("name", BACKBONES)
def test_a_missing_file_is_named_with_its_folder(name, folder):
    file = file_of(name)
    with pytest.raises(MissingDataError) as caught:
        build(name, pretrained=1)
    assert str(caught.value) == (
        f"there are no pretrained weights {folder / file}; put {file} there, or set pretrained=0"
    )
