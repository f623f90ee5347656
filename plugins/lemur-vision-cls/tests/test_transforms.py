import pytest
import torch
from torchvision.transforms.v2 import functional as theirs

from lemur_core.kinds.transform import Normalisation
from lemur_vision_cls.transforms.echo import Echo
from lemur_vision_cls.transforms.norm import norm_32, norm_32_flip, norm_64

COLOUR = Normalisation((0.1, 0.5, 0.9), (0.2, 0.3, 0.4))


def images(count=4, size=28):
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8)


@pytest.mark.parametrize(("make", "size"), [(norm_32, 32), (norm_64, 64), (norm_32_flip, 32)])
@pytest.mark.parametrize("given", [8, 28, 32, 100])
def test_images_are_resized_and_normalised_as_torchvision_does(make, size, given):
    batch = images(size=given)
    resized = theirs.resize(batch.float() / 255, [size, size], antialias=True)
    expected = theirs.normalize(resized, *COLOUR)
    torch.testing.assert_close(make(COLOUR).eval()(batch), expected, rtol=1e-4, atol=1e-5)


def test_about_half_of_the_training_images_are_mirrored_each_for_itself():
    torch.manual_seed(0)
    transform, batch = norm_32_flip(COLOUR), images(400, 32)
    kept = transform.eval()(batch)
    trained = transform.train()(batch)
    same = (trained == kept).flatten(1).all(1)
    mirrored = (trained == kept.flip(-1)).flatten(1).all(1)
    assert (same ^ mirrored).all()
    assert 150 < mirrored.sum() < 250


@pytest.mark.parametrize("make", [norm_32, norm_64, norm_32_flip])
def test_the_images_that_are_given_stay_as_they_were(make):
    batch = images(20, 32)
    before = batch.clone()
    make(COLOUR).train()(batch)
    assert torch.equal(batch, before)


def test_scored_images_are_never_mirrored():
    batch = images(50, 32)
    torch.testing.assert_close(norm_32_flip(COLOUR).eval()(batch), norm_32(COLOUR).eval()(batch))


def test_echo_scales_to_0_1_and_does_nothing_else():
    batch = images()
    torch.testing.assert_close(
        Echo(COLOUR)(batch), theirs.to_dtype(batch, torch.float32, scale=True)
    )
