"""safetensors can read weights that were written in place."""

import pytest
import torch
from safetensors.torch import load_file, load_model
from torch import nn

from lemur_core.train.weights import save_weights


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 4)
        self.last.weight = self.first.weight


class Odd(nn.Module):
    """A scalar, an empty tensor, a transposed view and a step counter."""

    def __init__(self):
        super().__init__()
        self.number = nn.Parameter(torch.randn(()))
        self.nothing = nn.Parameter(torch.randn(0, 3))
        self.register_buffer("turned", torch.randn(2, 3).T)
        self.register_buffer("steps", torch.randint(100, ()))


def small():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))


def wider():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))


def half():
    return small().to(torch.float16)


def brain():
    return small().to(torch.bfloat16)


@pytest.mark.parametrize("before", [small, wider, half, brain, Tied, Odd])
@pytest.mark.parametrize("after", [small, wider, half, brain, Tied, Odd])
def test_the_file_holds_the_last_weights(tmp_path, before, after):
    file = tmp_path / "weights.safetensors"
    save_weights(before(), file)
    net, read = after(), after()
    save_weights(net, file)
    load_model(read, str(file))
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(read.state_dict()[name], tensor, rtol=0, atol=0)


def test_writing_in_place_gives_the_same_file(tmp_path):
    net = Odd()
    save_weights(Odd(), tmp_path / "over")
    place = (tmp_path / "over").stat().st_ino
    save_weights(net, tmp_path / "over")
    save_weights(net, tmp_path / "anew")
    assert (tmp_path / "over").stat().st_ino == place
    assert (tmp_path / "over").read_bytes() == (tmp_path / "anew").read_bytes()
    assert load_file(tmp_path / "over").keys() == net.state_dict().keys()
