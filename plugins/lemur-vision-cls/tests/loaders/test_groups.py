"""Datasets whose splits are made of lesions or photographs: HAM10000 and MLC 2008."""

import csv
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from lemur_core.errors import CorruptSampleError, MissingDataError, PatternError
from lemur_vision_cls.loaders import ham10000, mlc2008
from lemur_vision_cls.loaders.groups import split_by_group

from .writing import LESIONS, write_ham10000, write_image, write_mlc2008

TASK = "img-classification"
SPLITS = ("train", "validation", "test")


def test_groups_are_in_one_split_and_shares_are_of_each_kind():
    # Ten groups of kind 0 with five samples each, 20 of kind 1 with one.
    groups = [f"a{number}" for number in range(10)] * 5 + [f"b{number}" for number in range(20)]
    kinds = torch.tensor([0] * 50 + [1] * 20)
    parts = split_by_group(groups, kinds)
    assert sorted(torch.cat(parts).tolist()) == list(range(70))
    members = [{groups[index] for index in part.tolist()} for part in parts]
    assert not members[0] & members[1] | members[0] & members[2] | members[1] & members[2]
    sizes = [[sum(name.startswith(kind) for name in part) for kind in "ab"] for part in members]
    assert sizes == [[7, 14], [1, 2], [2, 4]]
    # The order of the samples does not matter.
    backwards = split_by_group(groups[::-1], kinds.flip(0))
    assert [{groups[69 - index] for index in part.tolist()} for part in backwards] == members


@pytest.mark.parametrize(
    ("name", "separator"),
    [("HAM10000_metadata", ","), ("HAM10000_metadata.csv", ","), ("HAM10000_metadata.tab", "\t")],
)
def test_images_of_one_lesion_are_in_one_split(name, separator, tmp_path):
    written = dict(write_ham10000(tmp_path, separator, name)["all"])
    bundle = ham10000.load(tmp_path, TASK)
    with (tmp_path / "ham10000" / name).open(newline="") as lines:
        rows = csv.DictReader(lines, delimiter=separator)
        lesion = {row["image_id"]: row["lesion_id"] for row in rows}
    read, lesions = {}, {}
    for split in SPLITS:
        part = getattr(bundle, split)
        files = [part.file(index) for index in range(len(part))]
        read.update(zip(files, part.targets.tolist(), strict=True))
        lesions[split] = {lesion[file.stem] for file in files}
    assert read == written
    assert [len(lesions[split]) for split in SPLITS] == [154, 14, 42]
    assert len(set().union(*lesions.values())) == len(LESIONS) == 210
    assert bundle.class_names == ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
    image, target = bundle.test[0]
    file = bundle.test.file(0)
    with Image.open(file) as expected:
        assert np.array_equal(image.numpy().transpose(1, 2, 0), np.asarray(expected))
    assert int(target) == written[file]


def edited(folder, change):
    write_ham10000(folder)
    table = folder / "ham10000" / "HAM10000_metadata"
    table.write_text(change(table.read_text()))
    return table


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda text: text.replace(",bcc,", ",scc,", 1),
            "the diagnosis of 'ISIC_0024307' is 'scc'",
        ),
        (lambda text: text.replace("dx,", "diagnosis,", 1), "expected rows with the columns imag"),
        (lambda text: "", "expected rows with the columns image_id, lesion_id, dx"),
        (
            lambda text: text + "HAM_9,ISIC_0024306,mel,,,,,\n",
            "'ISIC_0024306' has two diagnoses or lesions",
        ),
    ],
)
def test_damaged_tables_of_lesions_are_refused(change, message, tmp_path):
    table = edited(tmp_path, change)
    with pytest.raises(MissingDataError) as caught:
        ham10000.load(tmp_path, TASK)
    assert str(caught.value).startswith(
        f"dataset 'ham10000': {table} is damaged, or of another dataset: {message}"
    )


def test_missing_images_of_lesions_are_counted_and_named(tmp_path):
    write_ham10000(tmp_path)
    for file in (tmp_path / "ham10000" / "HAM10000_images_part_2").iterdir():
        file.unlink()
    with pytest.raises(MissingDataError, match="lacks 210 of 420 images: ISIC_0024307, ISIC_00243"):
        ham10000.load(tmp_path, TASK)
    with pytest.raises(MissingDataError, match="lacks HAM10000_metadata; get it from https"):
        ham10000.load(tmp_path / "empty", TASK)


def corals(folder, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        bundle = mlc2008.load(folder, TASK, **options)
    return bundle, [str(warning.message) for warning in caught]


@pytest.mark.parametrize(
    ("options", "edge"), [({}, 312), ({"size": "100"}, 100), ({"size": "7"}, 7)]
)
def test_points_of_corals_are_crops_around_them(options, edge, tmp_path):
    written = write_mlc2008(tmp_path)["all"]
    bundle, said = corals(tmp_path, **options)
    assert said == ["dataset 'mlc2008': 20 points left out (other labels than the nine classes)"]
    assert bundle.out_shape == (9,)
    assert [len(getattr(bundle, split)) for split in SPLITS] == [70, 10, 20]
    wanted = {}
    for file, target, row, column in written:
        with Image.open(file) as image:
            pixels = np.asarray(image)
        half = edge // 2
        padded = np.pad(pixels, ((half, edge), (half, edge), (0, 0)), mode="reflect")
        square = padded[row : row + edge, column : column + edge]
        wanted.setdefault((file, target), []).append(square.transpose(2, 0, 1))
    photographs = []
    for split in SPLITS:
        part = getattr(bundle, split)
        photographs.append({part.file(index) for index in range(len(part))})
        for index in range(len(part)):
            crop, target = part[index]
            assert crop.shape == (3, edge, edge)
            assert crop.dtype == torch.uint8
            squares = wanted[part.file(index), int(target)]
            assert any(np.array_equal(crop.numpy(), square) for square in squares)
    assert sum(map(len, photographs)) == len(set().union(*photographs)) == 10
    files = set(bundle.files)
    assert files == {file for file, *_ in written} | {
        file.with_name(f"{file.name}.txt") for file, *_ in written
    }


@pytest.mark.parametrize("line", ["12; 13", "a; 13; CCA", "12; -3; CCA", "12, 13, CCA"])
def test_damaged_labels_of_corals_are_refused(line, tmp_path):
    file = write_mlc2008(tmp_path, 3)["all"][0][0]
    labels = file.with_name(f"{file.name}.txt")
    labels.write_text(f"{labels.read_text()}{line}\n")
    with pytest.raises(MissingDataError) as caught:
        corals(tmp_path)
    assert f"{labels} is damaged, or of another dataset: {line!r} is not row; column; label" in str(
        caught.value
    )


def test_points_outside_of_their_photograph_are_refused(tmp_path):
    file = write_mlc2008(tmp_path, 3)["all"][0][0]
    file.with_name(f"{file.name}.txt").write_text("# Row; Col; Label\n381; 5; CCA\n380; 400; CCA\n")
    bundle, _ = corals(tmp_path)
    outside = [
        (part, index)
        for part in (getattr(bundle, split) for split in SPLITS)
        for index in range(len(part))
        if part.file(index) == file
    ]
    assert len(outside) == 2
    (part, first), (_, second) = outside
    with pytest.raises(CorruptSampleError, match="its point 381; 5 is outside of 380x400 pixels"):
        part[first]
    assert part[second][0].shape == (3, 312, 312)


def test_missing_corals_and_invalid_sizes_are_errors(tmp_path):
    with pytest.raises(MissingDataError, match=r"lacks mlc2008; get it from https"):
        corals(tmp_path)
    (tmp_path / "mlc2008").mkdir()
    with pytest.raises(MissingDataError, match="has no image; get it from"):
        corals(tmp_path)
    photograph = write_image(tmp_path / "mlc2008" / "a.jpg")
    with pytest.raises(MissingDataError, match=r"a.jpg.txt cannot be read: No such file or direc"):
        corals(tmp_path)
    photograph.with_name("a.jpg.txt").write_text("1; 2; Off\n")
    with pytest.raises(MissingDataError, match="no point in .* has one of the labels CCA, Turf, M"):
        corals(tmp_path)
    for size in ("0", "x", "5000"):
        with pytest.raises(PatternError) as caught:
            corals(tmp_path, size=size)
        assert str(caught.value) == (
            f"dataset 'mlc2008': size is {size!r}; expected a number of pixels, 1 to 2000"
        )
