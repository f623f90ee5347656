"""Reading images of every mode, and files that are not images."""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from lemur_core.errors import CorruptSampleError, MissingDataError
from lemur_core.images import check_size, is_grey, read_image, read_labels, stored_size


def random_images(count, *shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def write_image(file, size=(9, 7), mode="RGB", seed=0, **options):
    """Write noise in the format of the suffix; the size is (width, height)."""
    width, height = size
    shape = (height, width) if mode == "L" else (height, width, len(mode))
    Image.fromarray(random_images(1, *shape, seed=seed)[0]).save(file, **options)
    return file


def of(tensor):
    assert tensor.dtype == torch.uint8
    return tensor.permute(1, 2, 0).numpy()


def test_rgb_is_read_unchanged(tmp_path):
    file = write_image(tmp_path / "image.png", (9, 7))
    assert np.array_equal(of(read_image(file)), random_images(1, 7, 9, 3)[0])


def test_grey_is_repeated_or_stays_one_channel(tmp_path):
    file = write_image(tmp_path / "image.png", mode="L")
    pixels = random_images(1, 7, 9)[0]
    assert np.array_equal(of(read_image(file)), np.stack([pixels] * 3, -1))
    assert np.array_equal(of(read_image(file, 1))[..., 0], pixels)


def test_white_of_black_and_white_is_255(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "image.png")
    assert read_image(tmp_path / "image.png", 1).flatten().tolist() == [255, 0]


def test_a_palette_is_applied_with_and_without_transparency(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([1, 0])
    image.save(tmp_path / "plain.png")
    image.save(tmp_path / "clear.png", transparency=bytes([0, 255]))
    for name in ("plain.png", "clear.png"):
        assert of(read_image(tmp_path / name)).tolist() == [[[200, 100, 50], [10, 20, 30]]]


def test_transparent_pixels_keep_their_stored_colour(tmp_path):
    pixels = np.array([[[10, 20, 30, 0], [40, 50, 60, 255]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    assert np.array_equal(of(read_image(tmp_path / "image.png")), pixels[..., :3])


def test_cmyk_is_converted_as_pillow_does(tmp_path):
    file = tmp_path / "image.jpg"
    Image.fromarray(random_images(1, 7, 9, 4)[0]).convert("CMYK").save(file)
    with Image.open(file) as image:
        assert image.mode == "CMYK"
        expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(of(read_image(file)), expected)


LEVELS = np.array([[0, 127, 128, 129, 32768, 65406, 65407, 65535]], np.uint16)
# Each value times 255 / 65535, rounded.
SCALED = [0, 0, 0, 1, 128, 254, 255, 255]


@pytest.mark.parametrize("name", ["image.png", "image.tif", "image.pgm"])
def test_grey_of_16_bits_is_scaled_by_their_range(tmp_path, name):
    if name == "image.pgm":
        (tmp_path / name).write_bytes(b"P5 8 1 65535\n" + LEVELS.astype(">u2").tobytes())
    else:
        Image.fromarray(LEVELS).save(tmp_path / name)
    assert read_image(tmp_path / name, 1).flatten().tolist() == SCALED
    assert of(read_image(tmp_path / name))[0].tolist() == [[level] * 3 for level in SCALED]


def chunk(name, content):
    checksum = zlib.crc32(name + content).to_bytes(4)
    return len(content).to_bytes(4) + name + content + checksum


def test_rgb_of_16_bits_keeps_its_higher_bytes(tmp_path):
    # Pillow cannot write this PNG: width 2, height 1, 16 bits, colour type 2, one row.
    header = (2).to_bytes(4) + (1).to_bytes(4) + bytes([16, 2, 0, 0, 0])
    values = np.array([0, 256, 65535, 128, 32768, 1000], ">u2")
    row = zlib.compress(b"\0" + values.tobytes())
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", row) + chunk(b"IEND", b"")
    (tmp_path / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    assert of(read_image(tmp_path / "image.png")).flatten().tolist() == [0, 1, 255, 0, 128, 3]


@pytest.mark.parametrize(
    ("dtype", "reason"),
    [
        (
            np.int32,
            "its values are of mode 'I', of no known range; expected 8 or 16 bits, unsigned",
        ),
        (
            np.float32,
            "its values are floating-point, of no known range; expected 8 or 16 bits, unsigned",
        ),
    ],
)
def test_values_of_32_bits_are_refused(tmp_path, dtype, reason):
    file = tmp_path / "image.tif"
    Image.fromarray(np.zeros((2, 2), dtype)).save(file)
    with pytest.raises(CorruptSampleError) as caught:
        read_image(file)
    assert caught.value.reason == reason


def short(value, order="<"):
    return struct.pack(f"{order}H", value) + b"\0\0"


def long(value, order="<"):
    return struct.pack(f"{order}L", value)


def directory(entries, order="<"):
    """Return a TIFF's header and first directory; entries are (tag, type, count, value)."""
    parts = [struct.pack(f"{order}HHL", *entry[:3]) + entry[3] for entry in entries]
    head = (b"II*\0" if order == "<" else b"MM\0*") + long(8, order)
    return head + struct.pack(f"{order}H", len(parts)) + b"".join(parts) + long(0, order)


def tiff(pixels, width, height, bits, *more, photometric=1, order="<"):
    """Return an uncompressed grey TIFF with the given bytes as pixels."""
    entries = [
        *((256, 3, 1, short(width, order)), (257, 3, 1, short(height, order))),
        *((258, 3, 1, short(bits, order)), (259, 3, 1, short(1, order))),
        *((262, 3, 1, short(photometric, order)), (277, 3, 1, short(1, order))),
        *((278, 3, 1, short(height, order)), (279, 4, 1, long(len(pixels), order)), *more),
    ]
    begin = 8 + 2 + 12 * (len(entries) + 1) + 4
    entries.append((273, 4, 1, long(begin, order)))
    return directory(sorted(entries), order) + pixels


@pytest.mark.parametrize("order", ["<", ">"])
def test_grey_of_16_bits_is_read_in_either_byte_order(tmp_path, order):
    file = tmp_path / "image.tif"
    file.write_bytes(tiff(LEVELS.astype(f"{order}u2").tobytes(), 8, 1, 16, order=order))
    assert read_image(file, 1).flatten().tolist() == SCALED


def test_in_grey_of_16_bits_white_may_be_0(tmp_path):
    file = tmp_path / "image.tif"
    file.write_bytes(tiff(LEVELS.astype("<u2").tobytes(), 8, 1, 16, photometric=0))
    assert read_image(file, 1).flatten().tolist() == [255 - level for level in SCALED]


def test_grey_of_12_bits_is_scaled_by_their_range(tmp_path):
    # Two values in three bytes: 0 and 4095, 2048 and 16.
    file = tmp_path / "image.tif"
    file.write_bytes(tiff(bytes([0x00, 0x0F, 0xFF, 0x80, 0x00, 0x10]), 4, 1, 12))
    # 2048 * 255 / 4095 = 127.53; 16 * 255 / 4095 = 0.996.
    assert read_image(file, 1).flatten().tolist() == [0, 255, 128, 1]


def test_signed_values_are_refused(tmp_path):
    file = tmp_path / "image.tif"
    file.write_bytes(tiff(bytes(16), 8, 1, 16, (339, 3, 1, short(2))))
    with pytest.raises(CorruptSampleError) as caught:
        read_image(file)
    assert caught.value.reason == (
        "its values are signed, of 16 bits; expected unsigned ones of 8 or 16"
    )


ORIENTATION = 0x0112
STORED = np.array([[10, 20, 30], [40, 50, 60]], np.uint8)
# Position of the first stored row and column in the upright image, from the EXIF standard.
UPRIGHT = {
    1: [[10, 20, 30], [40, 50, 60]],
    2: [[30, 20, 10], [60, 50, 40]],
    3: [[60, 50, 40], [30, 20, 10]],
    4: [[40, 50, 60], [10, 20, 30]],
    5: [[10, 40], [20, 50], [30, 60]],
    6: [[40, 10], [50, 20], [60, 30]],
    7: [[60, 30], [50, 20], [40, 10]],
    8: [[30, 60], [20, 50], [10, 40]],
}


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_an_image_is_turned_upright(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    file = tmp_path / f"image.{suffix}"
    image = Image.fromarray(STORED)
    (image.convert("RGB") if suffix == "webp" else image).save(file, exif=exif, lossless=True)
    assert read_image(file, 1)[0].tolist() == UPRIGHT[orientation]
    assert of(read_image(file))[..., 2].tolist() == UPRIGHT[orientation]
    assert stored_size(file) == (2, 3)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_grey_of_16_bits_and_masks_are_turned_upright(tmp_path, suffix):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    for name, values in (("deep", STORED.astype(np.uint16) * 257), ("mask", STORED)):
        Image.fromarray(values).save(tmp_path / f"{name}.{suffix}", exif=exif)
    assert read_image(tmp_path / f"deep.{suffix}", 1)[0].tolist() == UPRIGHT[6]
    assert read_labels(tmp_path / f"mask.{suffix}").tolist() == UPRIGHT[6]


TURNED = (ORIENTATION, 3, 1, short(6))
SHORTS = struct.pack("<HH", 6, 6)
BEYOND = long(60_000)
# Metadata of cameras and editors: the orientation's entry, other entries, and whether it is 6.
EXIF = {
    "alone": ([TURNED], True),
    "0": ([(ORIENTATION, 3, 1, short(0))], False),
    "9": ([(ORIENTATION, 3, 1, short(9))], False),
    "text": ([(ORIENTATION, 2, 2, b"6\0\0\0")], False),
    "bytes": ([(ORIENTATION, 7, 1, b"\x06\0\0\0")], False),
    "none": ([(ORIENTATION, 3, 0, short(6))], False),
    "two": ([(ORIENTATION, 3, 2, SHORTS)], True),
    "long": ([(ORIENTATION, 4, 1, long(6))], True),
    "float": ([(ORIENTATION, 11, 1, struct.pack("<f", 6))], True),
    "half": ([(ORIENTATION, 11, 1, struct.pack("<f", 6.5))], False),
    "nan": ([(ORIENTATION, 11, 1, struct.pack("<f", float("nan")))], False),
    "elsewhere": ([(ORIENTATION, 3, 3, BEYOND)], False),
    "unknown type": ([(ORIENTATION, 99, 1, short(6))], False),
    "resolution is text": ([TURNED, (0x11A, 2, 3, b"72\0\0")], True),
    "resolution is nowhere": ([TURNED, (0x11A, 5, 1, BEYOND)], True),
    "no resolution": ([TURNED, (0x11A, 5, 0, long(0)), (0x128, 3, 1, short(2))], True),
    "negative": ([TURNED, (0x100, 9, 1, struct.pack("<l", -5))], True),
    "exif is negative": ([TURNED, (0x8769, 9, 1, struct.pack("<l", -5))], True),
    "exif is itself": ([TURNED, (0x8769, 4, 1, long(8))], True),
    "place is a fraction": ([TURNED, (0x8825, 5, 1, BEYOND)], True),
}


def exif_block(name):
    entries, _ = EXIF[name]
    return b"Exif\0\0" + directory(sorted(entries))


@pytest.mark.parametrize("name", EXIF)
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_only_the_orientation_tag_matters(tmp_path, name, suffix):
    file = write_image(tmp_path / f"image.{suffix}", (16, 8), exif=exif_block(name))
    plain = read_image(write_image(tmp_path / f"plain.{suffix}", (16, 8)))
    turned = EXIF[name][1]
    assert torch.equal(read_image(file), plain.rot90(-1, (1, 2)) if turned else plain)
    assert is_grey(file) is False


@pytest.mark.parametrize("name", EXIF)
def test_only_the_orientation_tag_of_a_tiff_matters(tmp_path, name):
    entries = [entry for entry in EXIF[name][0] if entry[0] != 0x100]
    file = tmp_path / "image.tif"
    file.write_bytes(tiff(STORED.tobytes(), 3, 2, 8, *entries))
    assert read_image(file, 1)[0].tolist() == UPRIGHT[6 if EXIF[name][1] else 1]
    assert is_grey(file) is True
    assert stored_size(file) == (2, 3)


WHOLE = directory([TURNED])


@pytest.mark.parametrize(
    ("blocks", "turned"),
    [
        ([WHOLE[:22]], True),
        ([WHOLE[:12]], False),
        ([b""], False),
        ([b"XX*\0\x08\0\0\0"], False),
        ([b"", WHOLE], True),
        ([b"XX*\0\x08\0\0\0", WHOLE], True),
        ([WHOLE, directory([(ORIENTATION, 3, 1, short(1))])], True),
        ([b"Exif\0\0" + WHOLE], True),
        ([directory([(ORIENTATION, 3, 1, short(6, ">"))], ">")], True),
    ],
)
def test_blocks_of_exif_may_be_damaged_or_several(tmp_path, blocks, turned):
    plain = write_image(tmp_path / "plain.jpg", (16, 8))
    content = plain.read_bytes()
    segments = [b"Exif\0\0" + block for block in blocks]
    written = [b"\xff\xe1" + (len(segment) + 2).to_bytes(2) + segment for segment in segments]
    file = tmp_path / "image.jpg"
    file.write_bytes(content[:2] + b"".join(written) + content[2:])
    stored = read_image(plain)
    assert torch.equal(read_image(file), stored.rot90(-1, (1, 2)) if turned else stored)


def test_other_damaged_metadata_does_not_matter(tmp_path):
    plain = write_image(tmp_path / "plain.jpg", (16, 8))
    content = plain.read_bytes()
    odd = [(0xED, b"Photoshop 3.0\0" + b"8BIM"), (0xE2, b"ICC_PROFILE\0"), (0xE2, b"MPF\0II*\0")]
    written = [
        b"\xff" + bytes([marker]) + (len(text) + 2).to_bytes(2) + text for marker, text in odd
    ]
    file = tmp_path / "image.jpg"
    file.write_bytes(content[:2] + b"".join(written) + content[2:])
    assert torch.equal(read_image(file), read_image(plain))


XMP = '<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'


def test_an_orientation_in_xmp_is_used_without_exif(tmp_path):
    place = 8 + 2 + 12 * 10 + 4
    more = (700, 1, len(XMP), long(place + 6))
    (tmp_path / "image.tif").write_bytes(tiff(STORED.tobytes(), 3, 2, 8, more) + XMP.encode())
    assert read_image(tmp_path / "image.tif", 1)[0].tolist() == UPRIGHT[6]
    for suffix in ("jpg", "webp"):
        file = write_image(tmp_path / f"image.{suffix}", (16, 8), xmp=XMP.encode())
        assert read_image(file).shape == (3, 16, 8)
        upright = directory([(ORIENTATION, 3, 1, short(1))])
        file = write_image(
            tmp_path / f"both.{suffix}", (16, 8), xmp=XMP.encode(), exif=b"Exif\0\0" + upright
        )
        assert read_image(file).shape == (3, 8, 16)


def test_exif_of_a_png_may_be_text_or_come_after_the_pixels(tmp_path):
    content = write_image(tmp_path / "plain.png", (16, 8)).read_bytes()
    profile = f"\nexif\n{len(WHOLE):8}\n{WHOLE.hex()}\n".encode()
    text = chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile))
    broken = chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 4\nzz\n")
    end = len(content) - 12
    for placed, turned in (
        (content[:33] + text + content[33:], True),
        (content[:33] + broken + content[33:], False),
        (content[:end] + chunk(b"eXIf", WHOLE) + content[end:], True),
    ):
        (tmp_path / "image.png").write_bytes(placed)
        assert read_image(tmp_path / "image.png").shape == ((3, 16, 8) if turned else (3, 8, 16))


def test_the_size_that_annotations_state_is_checked(tmp_path):
    file = write_image(tmp_path / "image.jpg", (16, 8), exif=exif_block("alone"))
    image = read_image(file)
    check_size(file, image, (16, 8), "boxes.json")
    with pytest.raises(CorruptSampleError) as caught:
        check_size(file, image, (16, 9), "boxes.json")
    assert caught.value.reason == "it is 8x16 pixels; boxes.json says 9x16"
    with pytest.raises(CorruptSampleError) as caught:
        check_size(file, image, (8, 16), "boxes.json")
    assert caught.value.reason == (
        "it is 8x16 pixels, turned upright by its EXIF orientation; boxes.json says 16x8, its size "
        "before: remove the orientation, or annotate the upright image"
    )


def test_labels_are_the_stored_values_of_a_palette(tmp_path):
    image = Image.fromarray(STORED)
    image.putpalette(bytes(range(192)))
    image.save(tmp_path / "mask.png")
    assert read_labels(tmp_path / "mask.png").tolist() == STORED.tolist()


@pytest.mark.parametrize("mode", ["RGB", "LA", "1", "I;16"])
def test_a_mask_of_another_mode_is_refused(tmp_path, mode):
    Image.new(mode, (3, 2)).save(tmp_path / "mask.png")
    with pytest.raises(CorruptSampleError) as caught:
        read_labels(tmp_path / "mask.png")
    assert caught.value.reason == f"its mode is {mode!r}; expected 'P' or 'L'"


def test_whether_an_image_is_grey_is_read_from_its_header(tmp_path):
    assert is_grey(write_image(tmp_path / "grey.png", mode="L")) is True
    assert is_grey(write_image(tmp_path / "rgb.png")) is False
    assert is_grey(write_image(tmp_path / "grey.jpg", mode="L")) is True
    assert is_grey(write_image(tmp_path / "rgb.jpg")) is False
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "rgb.jpg").read_bytes()[:100])
    assert is_grey(tmp_path / "cut.jpg") is None
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
        read_image(file)
    assert str(caught.value) == (
        f"{file} cannot be decoded: {caught.value.reason}; "
        "repair or remove it, or leave out corrupt files with --skip-corrupt"
    )
    assert caught.value.reason
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_an_image_is_an_error(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no image")
    with pytest.raises(CorruptSampleError) as caught:
        read_image(tmp_path / "a.jpg")
    assert caught.value.reason == "it is not an image of a known format"


def test_a_decompression_bomb_is_not_decoded(tmp_path, monkeypatch):
    file = write_image(tmp_path / "image.png", (40, 40))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 700)
    with pytest.raises(CorruptSampleError, match="exceeds limit of 1400 pixels"):
        read_image(file)


def test_a_missing_file_is_missing_and_not_corrupt(tmp_path):
    with pytest.raises(MissingDataError, match="a.png cannot be read: No such file or directory$"):
        read_image(tmp_path / "a.png")
