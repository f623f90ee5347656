"""The fingerprint of a dataset: its content, not its name, location or times."""

import hashlib
import os
import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torch
from torch.utils.data import Subset, TensorDataset

from lemur_core.errors import CorruptSampleError, MissingDataError
from lemur_core.kinds.loader import DataBundle, InMemory, as_bundle
from lemur_core.kinds.transform import Normalisation
from lemur_core.train import file_digests
from lemur_core.train.file_digests import FileDigests
from lemur_core.train.fingerprint import SAMPLED_PER_SPLIT, identify

GREY = Normalisation((0.5,), (0.5,))


@pytest.fixture
def tree(tmp_path):
    """Write a small dataset, and return its folder."""
    return write_tree(tmp_path / "pets")


def write_tree(folder, seed=0):
    draw = random.Random(seed)
    for split, count in (("train", 3), ("test", 2)):
        for name in ("cat", "dog"):
            (folder / split / name).mkdir(parents=True)
            for number in range(count):
                (folder / split / name / f"{number}.bin").write_bytes(draw.randbytes(16))
    return folder


def identified(folder, names="yes"):
    from lemur_toy.files import tree

    return identify(tree(folder, "", names), folder, "tree", FileDigests())


def in_memory(inputs=None, targets=None, **changes):
    inputs = (
        torch.arange(4 * 6, dtype=torch.uint8).reshape(6, 1, 2, 2) if inputs is None else inputs
    )
    targets = torch.tensor([0, 1, 0, 1, 0, 1]) if targets is None else targets
    train, test = (InMemory(inputs[part], targets[part]) for part in (slice(4), slice(4, 6)))
    return replace(DataBundle(train, test, (2,), 0.5, GREY), **changes)


def fingerprint(bundle, tmp_path):
    return identify(bundle, tmp_path, "held", FileDigests()).fingerprint


def test_a_copy_elsewhere_has_the_same_fingerprint_and_another_label(tree, tmp_path):
    copy = shutil.copytree(tree, tmp_path / "deep" / "down" / "copied")
    original, copied = identified(tree), identified(copy)
    assert original.fingerprint == copied.fingerprint
    assert original.label == f"pets@{original.fingerprint[:8]}"
    assert copied.label == f"copied@{original.fingerprint[:8]}"
    assert original.class_names == ("cat", "dog")
    assert original.sizes == "train 6, test 4, files 10"


def test_times_do_not_count(tree):
    before = identified(tree)
    for file in tree.rglob("*.bin"):
        os.utime(file, (1, 1))
    assert identified(tree) == before


def test_the_order_of_files_does_not_count(tree):
    from lemur_toy.files import tree as load

    bundle = load(tree, "")
    reordered = replace(bundle, files=bundle.files[::-1])
    assert identify(bundle, tree, "tree", FileDigests()) == identify(
        reordered, tree, "tree", FileDigests()
    )


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (lambda root: (root / "train/cat/0.bin").write_bytes(bytes(16)), ["files"]),
        (lambda root: (root / "test/dog/1.bin").rename(root / "test/cat/9.bin"), ["test", "files"]),
        (
            lambda root: (root / "train/cat/0.bin").rename(root / "test/cat/9.bin"),
            ["train", "test", "files"],
        ),
        (lambda root: (root / "train/dog/2.bin").unlink(), ["train", "files"]),
        (
            lambda root: [(root / s / "dog").rename(root / s / "eel") for s in ("train", "test")],
            ["files", "class names"],
        ),
    ],
    ids=["content", "label", "split", "number", "class name"],
)
def test_a_change_is_detected_and_located(tree, change, parts):
    before = identified(tree)
    change(tree)
    after = identified(tree)
    assert after.fingerprint != before.fingerprint
    assert before.differing(after) == parts


def test_equivalent_encodings_of_accents_in_names_count_as_equal(tree, tmp_path):
    copy = shutil.copytree(tree, tmp_path / "copy")
    for root, name in ((tree, "caf\u00e9"), (copy, "cafe\u0301")):
        for split in ("train", "test"):
            (root / split / "cat").rename(root / split / name)
    assert identified(tree).fingerprint == identified(copy).fingerprint


@pytest.mark.parametrize(
    "other",
    [
        in_memory(torch.arange(1, 25, dtype=torch.uint8).reshape(6, 1, 2, 2)),
        in_memory(targets=torch.tensor([0, 1, 0, 1, 1, 0])),
        in_memory(torch.arange(24, dtype=torch.uint8).reshape(6, 1, 1, 4)),
        in_memory(torch.arange(24, dtype=torch.int64).reshape(6, 1, 2, 2)),
        in_memory(class_names=("cat", "dog")),
        in_memory(validation=in_memory().test),
    ],
    ids=["pixels", "labels", "shape", "type", "class names", "validation"],
)
def test_every_byte_of_samples_in_memory_counts(other, tmp_path):
    assert fingerprint(in_memory(), tmp_path) == fingerprint(in_memory(), tmp_path / "elsewhere")
    assert fingerprint(in_memory(), tmp_path) != fingerprint(other, tmp_path)


def test_every_byte_of_large_samples_in_memory_counts(tmp_path):
    large = torch.zeros(2, 1, 3000, 6000, dtype=torch.uint8)
    changed = large.clone()
    changed[1, 0, -1, -1] = 1
    targets = torch.zeros(2, dtype=torch.int64)
    first, second = (
        replace(in_memory(), train=InMemory(inputs, targets)) for inputs in (large, changed)
    )
    assert fingerprint(first, tmp_path) != fingerprint(second, tmp_path)


def test_every_byte_of_parts_of_tensors_in_memory_counts(tmp_path):
    tensors = torch.zeros(500, 1, 2, 2), torch.zeros(500)
    part = Subset(TensorDataset(*tensors), range(1, 401))
    record = identify(in_memory(train=part), tmp_path, "held", FileDigests())
    assert record.in_memory
    # Not among the samples that would be hashed if they were not in memory.
    tensors[0][3] = 1
    assert identify(in_memory(train=part), tmp_path, "held", FileDigests()) != record


def test_some_samples_count_if_the_loader_names_no_files(tree):
    before = identified(tree, names="no")
    assert not before.in_memory
    (tree / "train/cat/0.bin").write_bytes(bytes(16))
    assert before.differing(identified(tree, names="no")) == ["samples"]


class Lazy:
    """Samples that are created on access."""

    def __init__(self, sample, count=1000):
        self.sample, self.count, self.asked = sample, count, []

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        self.asked.append(index)
        return self.sample(index)


def test_sampling_includes_the_first_and_the_last_sample(tmp_path):
    lazy = Lazy(lambda index: (index, "text"))
    few = Lazy(lambda index: (index, "text"), 3)
    fingerprint(in_memory(train=lazy, test=few), tmp_path)
    assert len(lazy.asked) == SAMPLED_PER_SPLIT
    assert (lazy.asked[0], lazy.asked[-1]) == (0, 999)
    assert set(np.diff(lazy.asked)) <= {15, 16}
    assert few.asked == [0, 1, 2]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.array([1, 2]), np.array([1, 3])),
        (np.array(["a", None]), np.array(["b", None])),
        ({"boxes": torch.ones(1, 4)}, {"boxes": torch.zeros(1, 4)}),
        ("text", "texts"),
        ([1, [2, 3]], [1, 2, 3]),
        (b"1", "1"),
    ],
)
def test_all_parts_of_samples_count(first, second, tmp_path):
    def of(value):
        return fingerprint(in_memory(train=Lazy(lambda index: (value, 0))), tmp_path)

    assert of(first) == of(first)
    assert of(first) != of(second)


def test_corrupt_samples_count_too(tmp_path):
    def corrupt(index):
        raise CorruptSampleError("a.png", "it is cut off")

    whole = fingerprint(in_memory(train=Lazy(lambda index: 0)), tmp_path)
    assert fingerprint(in_memory(train=Lazy(corrupt)), tmp_path) != whole


def test_sampling_preserves_the_random_generators(tmp_path):
    drawing = Lazy(lambda index: (torch.rand(1), random.random()))

    def drawn_with():
        torch.manual_seed(1)
        random.seed(1)
        digest = fingerprint(in_memory(train=drawing), tmp_path)
        return digest, torch.rand(1).item(), random.random()

    digest, *after = drawn_with()
    torch.manual_seed(1)
    random.seed(1)
    assert after == [torch.rand(1).item(), random.random()]
    torch.manual_seed(2)
    assert fingerprint(in_memory(train=drawing), tmp_path) == digest


def test_the_published_form_names_the_files_of_torchvisions_folders(tmp_path):
    from PIL import Image
    from torchvision.datasets import ImageFolder

    for name, grey in (("cat", 10), ("dog", 200)):
        (tmp_path / name).mkdir()
        for number in range(3):
            Image.new("L", (4, 4), grey + number).save(tmp_path / name / f"{number}.png")
    module = ModuleType("published")

    def loader(transform_fn, task):
        whole = ImageFolder(tmp_path, transform_fn(((0.5,), (0.5,))))
        return (2,), 0.5, Subset(whole, range(4)), Subset(whole, range(4, 6))

    module.loader = loader
    bundle = as_bundle(module, tmp_path, "img-classification", "published")
    assert {*bundle.files} == {*tmp_path.rglob("*.png")}


@pytest.mark.parametrize(
    "held", [[("a text " * 100, 0)], [(torch.ones(2), 0)], torch.ones(3), 7, [], [()]]
)
def test_the_published_form_names_no_files_if_there_are_none(tmp_path, held):
    samples = Lazy(lambda index: (index, 0))
    samples.samples = held
    module = ModuleType("published")
    module.loader = lambda transform_fn, task: ((2,), 0.5, samples, samples)
    assert not as_bundle(module, tmp_path, "txt-generation", "published").files


# Digests of files


@pytest.fixture
def settled(monkeypatch):
    """Files count as unchanged immediately."""
    monkeypatch.setattr(file_digests, "_SETTLED_NS", -(10**12))


@pytest.fixture
def reads(monkeypatch):
    """The files that were read, in order."""
    names, read = [], file_digests._read

    def noted(dataset, file):
        names.append(os.path.basename(file))
        return read(dataset, file)

    monkeypatch.setattr(file_digests, "_read", noted)
    return names


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"content")
    return path


def digest(*files, **options):
    digests = FileDigests(**options)("it", files)
    assert digests == {str(file): hashlib.sha256(file.read_bytes()).digest() for file in files}


def test_a_file_is_read_once(file, settled, reads):
    digest(file)
    digest(file)
    assert reads == ["a.bin"]


def test_a_file_that_has_just_changed_is_read_again(file, reads):
    digest(file)
    stat = file.stat()
    file.write_bytes(b"CONTENT")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    digest(file)
    assert reads == ["a.bin", "a.bin"]


def test_a_changed_file_is_read_again_even_if_size_and_time_are_kept(file, settled, reads):
    digest(file)
    stat = file.stat()
    file.write_bytes(b"CONTENT")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    digest(file)
    assert reads == ["a.bin", "a.bin"]


def test_a_file_that_takes_the_place_of_another_is_read(file, settled, reads):
    digest(file)
    other = file.with_name("b.bin")
    other.write_bytes(b"CONTENT")
    shutil.copystat(file, other)
    other.replace(file)
    digest(file)
    assert reads == ["a.bin", "a.bin"]


@pytest.mark.parametrize("content", [b"no database", b"", b"SQLite format 3\0" + bytes(2000)])
def test_a_damaged_cache_is_replaced(file, settled, reads, tmp_path, content):
    cache = tmp_path / "cache.sqlite"
    cache.write_bytes(content)
    for _ in range(2):
        digest(file, cache=cache)
    assert reads == ["a.bin"]


def test_a_damaged_digest_is_ignored(file, settled, reads, tmp_path):
    import sqlite3
    from contextlib import closing

    cache = tmp_path / "cache.sqlite"
    digest(file, cache=cache)
    with closing(sqlite3.connect(cache)) as connection, connection:
        connection.execute("update digest set digest = 'nonsense'")
    digest(file, cache=cache)
    assert reads == ["a.bin", "a.bin"]


def test_without_a_cache_files_are_read_each_time(file, settled, reads, tmp_path):
    (tmp_path / "no-folder").write_text("")
    for _ in range(2):
        digest(file, cache=tmp_path / "no-folder" / "cache.sqlite")
    assert reads == ["a.bin", "a.bin"]


def test_many_may_use_the_cache_at_once(tmp_path, settled, reads):
    files = [tmp_path / f"{number}.bin" for number in range(600)]
    for file in files:
        file.write_bytes(file.name.encode())
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: digest(*files), range(4)))
    reads.clear()
    digest(*files)
    assert not reads


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(MissingDataError) as raised:
        FileDigests()("pets", [tmp_path / "gone.bin"])
    assert str(raised.value) == (
        f"dataset 'pets': {tmp_path / 'gone.bin'} cannot be read: No such file or directory"
    )


def test_reading_much_data_is_announced(file, monkeypatch):
    monkeypatch.setattr(file_digests, "_ANNOUNCED_BYTES", 4)
    lines = []
    digest(file, say=lines.append)
    assert lines == [
        "dataset 'it': reading 1 files (0.0 GiB) once, to recognise their content from now on"
    ]
