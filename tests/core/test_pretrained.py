"""Weights of files that the user has."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from lemur_core.errors import FetchError, MissingDataError, ShapeError
from lemur_core.pretrained import load_backbone, local_weights

NAME = "net-0123abcd.pth"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder that weights are looked for in."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    made = tmp_path / "hub" / "checkpoints"
    made.mkdir(parents=True)
    return made


class Published(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = backbone(3)
        self.classifier = nn.Linear(4, 10)


def backbone(channels):
    depthwise = nn.Conv2d(4, 4, 3, groups=4)
    return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.BatchNorm2d(4), depthwise)


@pytest.fixture
def published(folder):
    """A net whose weights are there, as after training."""
    net = Published()
    net.features[1].running_mean.fill_(2.0)
    net.features[1].num_batches_tracked.fill_(9)
    torch.save(net.state_dict(), folder / NAME)
    return net.eval()


def test_a_file_gives_its_tensors_by_name(published):
    tensors = local_weights(NAME)
    assert tensors.keys() == published.state_dict().keys()
    assert torch.equal(tensors["classifier.weight"], published.classifier.weight)


def test_the_address_of_a_file_serves_as_its_name(published):
    address = f"https://download.pytorch.org/models/{NAME}?download=1"
    assert local_weights(address).keys() == local_weights(NAME).keys()


def test_safetensors_are_read_too(folder):
    save_file({"bias": torch.arange(3.0)}, folder / "net.safetensors")
    assert local_weights("net.safetensors")["bias"].tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("name", [NAME, "net.safetensors"])
def test_a_file_that_is_not_there_is_named_with_its_place(folder, name):
    expected = (
        f"there are no pretrained weights {folder / name}; put {name} there, or set pretrained=0"
    )
    with pytest.raises(MissingDataError) as caught:
        local_weights(f"https://download.pytorch.org/models/{name}")
    assert str(caught.value) == expected


def damaged(folder):
    torch.save(Published().state_dict(), folder / NAME)
    whole = (folder / NAME).read_bytes()
    save_file({"bias": torch.zeros(99)}, folder / "whole.safetensors")
    yield NAME, whole[: len(whole) // 2]
    yield NAME, b""
    yield NAME, b"<html>Not Found</html>"
    yield "net.safetensors", (folder / "whole.safetensors").read_bytes()[:-9]


def test_what_is_no_file_of_weights_is_refused_in_a_line(folder):
    for name, content in list(damaged(folder)):
        (folder / name).write_bytes(content)
        with pytest.raises(FetchError) as caught:
            local_weights(name)
        assert str(caught.value) == f"{folder / name} cannot be read as weights; replace it"


def test_a_pickled_object_is_not_made(folder):
    torch.save(nn.Linear(1, 1), folder / NAME)
    with pytest.raises(FetchError, match="cannot be read as weights"):
        local_weights(NAME)


@pytest.mark.parametrize("held", [[1, 2], {"epoch": 3, "net": {}}])
def test_what_holds_other_things_than_tensors_is_refused(folder, held):
    torch.save(held, folder / NAME)
    with pytest.raises(FetchError, match="holds something other than tensors by name; replace it"):
        local_weights(NAME)


def test_a_backbone_takes_its_part_and_leaves_the_classifier(published):
    own = backbone(3).eval()
    load_backbone(own, NAME, "features")
    images = torch.randn(2, 3, 8, 8)
    assert torch.equal(own(images), published.features(images))
    assert own[1].num_batches_tracked == 9


def test_a_grey_image_gives_what_it_gives_in_three_equal_channels(published):
    own = backbone(1).eval()
    load_backbone(own, NAME, "features")
    grey = torch.randn(2, 1, 8, 8)
    torch.testing.assert_close(own(grey), published.features(grey.expand(-1, 3, -1, -1)))


def test_weights_that_are_missing_are_named(published):
    with pytest.raises(ShapeError) as caught:
        load_backbone(backbone(3), NAME)
    assert str(caught.value) == (
        f"{NAME}: 0.weight is nothing; expected (4, 3, 3, 3); are these the weights of another net?"
    )


def test_weights_of_another_shape_are_named_and_nothing_is_changed(published):
    own = backbone(3)
    own[1] = nn.BatchNorm2d(5)
    before = own[0].weight.clone()
    with pytest.raises(ShapeError, match=r"features\.1\.weight is \(4,\); expected \(5,\)"):
        load_backbone(own, NAME, "features")
    assert torch.equal(own[0].weight, before)
