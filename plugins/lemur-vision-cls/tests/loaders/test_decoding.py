"""Images of every mode, and files that are no images."""

import io
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from lemur_core.errors import CorruptSampleError, MissingDataError
from lemur_vision_cls.loaders.decoding import decode, is_grey

from .writing import random_images, write_image


def of(tensor):
    assert tensor.dtype == torch.uint8
    assert tensor.is_contiguous()
    return tensor.permute(1, 2, 0).numpy()


def test_rgb_comes_as_it_is(tmp_path):
    file = write_image(tmp_path / "image.png", (9, 7))
    assert np.array_equal(of(decode(file)), random_images(1, 7, 9, 3)[0])


def test_grey_is_repeated_or_stays_one_channel(tmp_path):
    file = write_image(tmp_path / "image.png", mode="L")
    pixels = random_images(1, 7, 9)[0]
    assert np.array_equal(of(decode(file)), np.stack([pixels] * 3, -1))
    assert np.array_equal(of(decode(file, 1))[..., 0], pixels)


def test_of_black_and_white_white_is_255(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "image.png")
    assert decode(tmp_path / "image.png", 1).flatten().tolist() == [255, 0]


def test_a_palette_is_looked_up_whether_it_has_transparency_or_not(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([1, 0])
    image.save(tmp_path / "plain.png")
    image.save(tmp_path / "clear.png", transparency=bytes([0, 255]))
    for name in ("plain.png", "clear.png"):
        assert of(decode(tmp_path / name)).tolist() == [[[200, 100, 50], [10, 20, 30]]]


def test_of_what_is_transparent_the_colour_beneath_is_kept(tmp_path):
    pixels = np.array([[[10, 20, 30, 0], [40, 50, 60, 255]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    assert np.array_equal(of(decode(tmp_path / "image.png")), pixels[..., :3])


def test_cmyk_is_converted_as_pillow_does(tmp_path):
    file = tmp_path / "image.jpg"
    Image.fromarray(random_images(1, 7, 9, 4)[0]).convert("CMYK").save(file)
    with Image.open(file) as image:
        assert image.mode == "CMYK"
        expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(of(decode(file)), expected)


LEVELS = np.array([[0, 127, 128, 129, 32768, 65406, 65407, 65535]], np.uint16)
# Each times 255 / 65535, rounded.
SCALED = [0, 0, 0, 1, 128, 254, 255, 255]


@pytest.mark.parametrize("name", ["image.png", "image.tif", "image.pgm"])
def test_grey_of_16_bits_is_scaled_by_their_range(tmp_path, name):
    if name == "image.pgm":
        (tmp_path / name).write_bytes(b"P5 8 1 65535\n" + LEVELS.astype(">u2").tobytes())
    else:
        Image.fromarray(LEVELS).save(tmp_path / name)
    assert decode(tmp_path / name, 1).flatten().tolist() == SCALED
    assert of(decode(tmp_path / name))[0].tolist() == [[level] * 3 for level in SCALED]


def chunk(name, content):
    checksum = zlib.crc32(name + content).to_bytes(4)
    return len(content).to_bytes(4) + name + content + checksum


def test_rgb_of_16_bits_keeps_its_higher_bytes(tmp_path):
    # Pillow writes no such PNG: width and height 2x1, 16 bits, colour type 2, and one row.
    header = (2).to_bytes(4) + (1).to_bytes(4) + bytes([16, 2, 0, 0, 0])
    values = np.array([0, 256, 65535, 128, 32768, 1000], ">u2")
    row = zlib.compress(b"\0" + values.tobytes())
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", row) + chunk(b"IEND", b"")
    (tmp_path / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    assert of(decode(tmp_path / "image.png")).flatten().tolist() == [0, 1, 255, 0, 128, 3]


@pytest.mark.parametrize(("dtype", "mode"), [(np.int32, "I"), (np.float32, "F")])
def test_32_bits_have_no_range_to_scale_by(tmp_path, dtype, mode):
    file = tmp_path / "image.tif"
    Image.fromarray(np.zeros((2, 2), dtype)).save(file)
    with pytest.raises(CorruptSampleError) as caught:
        decode(file)
    assert caught.value.reason == f"its mode is '{mode}', 32 bits; expected 8 or 16"


@pytest.mark.parametrize("mode", ["RGB", "L", "I;16"])
def test_a_photograph_is_turned_upright_where_that_is_asked_for(tmp_path, mode):
    exif = Image.Exif()
    # Its first row is the right side of what was seen.
    exif[0x0112] = 6
    file = tmp_path / "image.png"
    if mode == "I;16":
        Image.fromarray(LEVELS).save(file, exif=exif)
    else:
        write_image(file, mode=mode, exif=exif)
    stored = decode(file, 1)
    assert torch.equal(decode(file, 1, upright=True), stored.rot90(-1, (1, 2)))


def test_whether_an_image_is_grey_is_read_from_its_header(tmp_path):
    assert is_grey(write_image(tmp_path / "grey.png", mode="L")) is True
    assert is_grey(write_image(tmp_path / "rgb.png")) is False
    (tmp_path / "no.png").write_bytes(b"no image")
    assert is_grey(tmp_path / "no.png") is None


def cut(suffix):
    content = io.BytesIO()
    Image.fromarray(random_images(1, 40, 40, 3)[0]).save(
        content, Image.registered_extensions()[suffix]
    )
    return content.getvalue()[: content.tell() // 2]


CORRUPT = {
    "empty.jpg": b"",
    "text.png": b"<html>not found</html>",
    "cut.jpg": cut(".jpg"),
    "cut.png": cut(".png"),
    "cut.bmp": cut(".bmp"),
    "cut.webp": cut(".webp"),
    "cut.tif": cut(".tif"),
    "header.png": cut(".png")[:20],
    "flipped.png": cut(".png")[:60] + b"\xff" * 40 + cut(".png")[100:],
}


@pytest.mark.parametrize("name", CORRUPT)
def test_a_file_that_cannot_be_decoded_is_named_first(tmp_path, name):
    file = tmp_path / name
    file.write_bytes(CORRUPT[name])
    with pytest.raises(CorruptSampleError) as caught:
        decode(file)
    assert str(caught.value) == (
        f"{file} cannot be decoded: {caught.value.reason}; "
        "mend or remove it, or leave such files out with --skip-corrupt"
    )
    assert caught.value.reason
    assert "\n" not in str(caught.value)


def test_what_is_no_image_is_said_so(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no image")
    with pytest.raises(CorruptSampleError) as caught:
        decode(tmp_path / "a.jpg")
    assert caught.value.reason == "it is no image of a known format"


def test_an_image_that_would_fill_the_memory_is_not_decoded(tmp_path, monkeypatch):
    file = write_image(tmp_path / "image.png", (40, 40))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 700)
    with pytest.raises(CorruptSampleError, match="exceeds limit of 1400 pixels"):
        decode(file)


def test_a_file_that_is_not_there_is_missing_and_not_corrupt(tmp_path):
    with pytest.raises(MissingDataError, match="a.png cannot be read: No such file or directory$"):
        decode(tmp_path / "a.png")
