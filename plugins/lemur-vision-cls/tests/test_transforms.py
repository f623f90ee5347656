import pytest
import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as theirs

from lemur_core.kinds.transform import Normalisation
from lemur_vision_cls.plugin import lemur_register_transforms
from lemur_vision_cls.transforms.sizes import SIZES

COLOUR = Normalisation((0.1, 0.5, 0.9), (0.2, 0.3, 0.4))
ENTRIES = {entry.name: entry for entry in lemur_register_transforms()}


def made(name):
    return ENTRIES[name].load()(COLOUR)


def images(count=4, size=28):
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8)


def normalised(pixels):
    return theirs.normalize(theirs.to_dtype(pixels, torch.float32, scale=True), *COLOUR)


def test_all_families_of_transforms_exist_in_all_sizes():
    assert SIZES == (32, 64, 128, 224, 256, 299, 512)
    mirrored = {f"{family}_{{}}_flip" for family in ("norm", "echo", "complex")}
    plain = {f"{family}_{{}}" for family in ("norm", "echo", "complex", "randcrop_flip")}
    more = {f"{family}_{{}}" for family in ("trivialaugment", "randaugment", "mixup", "cutmix")}
    sized = {name.format(size) for name in mirrored | plain | more for size in SIZES}
    assert set(ENTRIES) == sized | {"norm", "norm_flip", "echo", "echo_flip"}


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("name", ["norm_{}", "norm_{}_flip", "randcrop_flip_{}", "mixup_{}"])
@pytest.mark.parametrize("given", [8, 28, 32, 100])
def test_images_are_resized_and_normalised_as_by_torchvision(name, size, given):
    batch = images(size=given)
    resized = theirs.resize(batch.float() / 255, [size, size], antialias=True)
    expected = theirs.normalize(resized, *COLOUR)
    scored = made(name.format(size)).eval()(batch)
    torch.testing.assert_close(scored, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["norm_32_flip", "norm_flip"])
def test_about_half_of_the_training_images_are_mirrored_independently(name):
    torch.manual_seed(0)
    transform, batch = made(name), images(400, 32)
    unchanged = transform.eval()(batch)
    trained = transform.train()(batch)
    same = (trained == unchanged).flatten(1).all(1)
    mirrored = (trained == unchanged.flip(-1)).flatten(1).all(1)
    assert (same ^ mirrored).all()
    assert 150 < mirrored.sum() < 250


@pytest.mark.parametrize("name", [name for name in ENTRIES if "256" not in name])
def test_the_given_images_are_not_modified(name):
    batch = images(3, 32)
    before = batch.clone()
    made(name).train()(batch)
    assert torch.equal(batch, before)


@pytest.mark.parametrize("name", ["randcrop_flip_32", "trivialaugment_32", "randaugment_32"])
def test_evaluation_is_that_of_norm(name):
    batch = images(20, 32)
    assert torch.equal(made(name).eval()(batch), made("norm_32").eval()(batch))


def test_echo_only_scales_to_0_1():
    batch = images()
    torch.testing.assert_close(
        made("echo")(batch), theirs.to_dtype(batch, torch.float32, scale=True)
    )


def test_complex_is_echo_with_imaginary_part_0():
    batch = images()
    outputs = made("complex_32")(batch)
    assert outputs.dtype == torch.complex64
    assert torch.equal(outputs.real, made("echo_32")(batch))
    assert not outputs.imag.any()


def test_each_image_is_cropped_independently_from_the_padded_image():
    torch.manual_seed(0)
    batch = images(300, 32)
    trained = made("randcrop_flip_32").train()(batch)
    padded = theirs.pad(batch, [4])
    seen = set()
    for image, cropped in zip(padded, trained, strict=True):
        places = [
            (top, left, flips)
            for top in range(9)
            for left in range(9)
            for flips in (False, True)
            if close(cropped, theirs.crop(image, top, left, 32, 32), flips)
        ]
        assert len(places) == 1
        seen.update(places)
    assert {top for top, _, _ in seen} == {left for _, left, _ in seen} == set(range(9))


def close(cropped, expected, flips):
    return torch.allclose(cropped, normalised(expected.flip(-1) if flips else expected), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("trivialaugment_32", v2.TrivialAugmentWide()),
        ("randaugment_32", v2.RandAugment(num_ops=2, magnitude=9)),
    ],
)
def test_each_image_is_distorted_independently_by_torchvisions_policy(name, policy):
    image = images(1, 32)
    batch = image.repeat(40, 1, 1, 1)
    torch.manual_seed(3)
    trained = made(name).train()(batch)
    assert len({tuple(image.flatten().tolist()) for image in trained}) > 10
    torch.manual_seed(3)
    expected = torch.stack([policy(image) for image in batch])
    torch.testing.assert_close(trained, normalised(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["mixup_32", "cutmix_32"])
def test_targets_are_mixed_like_the_images(name):
    torch.manual_seed(0)
    # Each image has one value, which is its class: the fraction of a value is that of its class.
    targets = torch.arange(4)
    flat = targets.float()[:, None, None, None].expand(4, 3, 32, 32)
    mixed, shares = made(name).mix(flat, targets, (6,))
    assert shares.shape == (4, 6)
    torch.testing.assert_close(shares.sum(1), torch.ones(4))
    means = mixed.mean((1, 2, 3))
    torch.testing.assert_close(means, shares @ torch.arange(6.0), rtol=1e-4, atol=1e-4)
    assert (shares.max(1).values < 1).any()


def test_a_transform_of_any_size_is_that_of_its_family():
    batch = images(4, 100)
    scored = ENTRIES["norm_32_flip"].at_size(48).load()(COLOUR).eval()(batch)
    resized = theirs.resize(batch.float() / 255, [48, 48], antialias=True)
    torch.testing.assert_close(scored, theirs.normalize(resized, *COLOUR), rtol=1e-4, atol=1e-5)


def test_only_transforms_without_random_numbers_are_searched_unless_requested():
    families = {name.rstrip("0123456789") for name, entry in ENTRIES.items() if not entry.random}
    assert families == {"norm", "norm_", "echo", "echo_", "complex_"}
