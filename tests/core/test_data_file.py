"""Data in memory is written to a file that each process maps and that nobody can write to."""

import mmap
import os
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lemur_core.campaign.plan import plan
from lemur_core.kinds.loader import DataBundle, InMemory
from lemur_core.settings import Settings
from lemur_core.train import data_file
from lemur_core.train.data import Bundles
from lemur_core.train.data_file import DataFile, can_be_mapped
from lemur_core.train.process_tree import IS_LINUX


def samples(count, kind=torch.uint8):
    inputs = torch.arange(count * 4).reshape(count, 1, 2, 2).to(kind)
    return InMemory(inputs, torch.arange(count) % 2)


@pytest.fixture
def bundle():
    whole = samples(40)
    part = InMemory(whole.inputs[10:20], whole.targets[10:20])
    return DataBundle(whole, part, (2,), 0.5, validation=samples(5, torch.complex64))


@pytest.fixture(params=["in memory", "on disk"])
def file(request, bundle, monkeypatch):
    if request.param == "on disk":
        monkeypatch.setattr(data_file, "_write_in_memory", fail)
    elif not IS_LINUX:
        pytest.skip("files in memory are Linux's")
    opened = DataFile(bundle)
    yield opened
    opened.close()


def fail(*_):
    raise OSError(28, "No space left on device")


def test_samples_are_those_that_were_written(file, bundle):
    loaded = file.mapped.load()
    for split in ("train", "validation", "test"):
        before, after = getattr(bundle, split), getattr(loaded, split)
        assert torch.equal(before.inputs, after.inputs)
        assert before.inputs.dtype == after.inputs.dtype
        assert torch.equal(before.targets, after.targets)
    assert (loaded.out_shape, loaded.chance) == ((2,), 0.5)


def test_writes_to_samples_stay_in_one_mapping(file, bundle):
    first, second = file.mapped.load(), file.mapped.load()
    first.train.inputs.zero_()
    first.train.targets.add_(1)
    assert torch.equal(second.train.inputs, bundle.train.inputs)
    assert torch.equal(file.mapped.load().train.targets, bundle.train.targets)


def test_a_mapping_remains_valid_after_the_file_is_removed(file, bundle):
    loaded = file.mapped.load()
    file.close()
    assert torch.equal(loaded.train.inputs, bundle.train.inputs)
    with pytest.raises(OSError, match="No such file"):
        file.mapped.load()


@pytest.mark.skipif(not IS_LINUX, reason="files in memory are Linux's")
def test_nobody_can_write_to_a_file_in_memory(bundle):
    file = DataFile(bundle)
    # The kernel lets the user open it, but rejects all writes.
    descriptor = os.open(file.mapped.path, os.O_RDWR)
    with pytest.raises(PermissionError):
        os.write(descriptor, b"0")
    with pytest.raises(PermissionError):
        mmap.mmap(descriptor, 0)
    os.close(descriptor)
    file.close()


def test_values_that_would_be_loaded_as_another_type_are_not_mapped(bundle):
    class Named(Tensor):
        pass

    inputs = bundle.train.inputs.as_subclass(Named)
    named = InMemory(inputs, bundle.train.targets)
    assert can_be_mapped(bundle)
    assert not can_be_mapped(DataBundle(named, named, (2,), 0.5, validation=named))
    assert not can_be_mapped(DataBundle(bundle.train, bundle.test, (2,), 0.5))


def test_without_room_for_a_file_each_process_builds_its_own_data(tmp_path, toys, monkeypatch):
    [pipeline] = plan(
        Settings.of({"patterns": "img-classification_blobs_hits_Linear"}), toys
    ).pipelines
    monkeypatch.setattr(data_file, "_write_in_memory", fail)
    monkeypatch.setattr(data_file, "_write_on_disk", fail)
    campaigns, workers = Bundles(tmp_path), Bundles(tmp_path)
    built = campaigns.get(pipeline)
    assert campaigns.mapped(pipeline) is None
    assert campaigns.get(pipeline) is built
    workers.put(pipeline, None, {})
    assert torch.equal(workers.get(pipeline).train.inputs, built.train.inputs)


def test_data_is_written_once_and_removed_when_it_is_dropped(tmp_path, toys):
    [pipeline] = plan(
        Settings.of({"patterns": "img-classification_blobs_hits_Linear"}), toys
    ).pipelines
    bundles = Bundles(tmp_path)
    mapped = bundles.mapped(pipeline)
    assert bundles.mapped(pipeline) is mapped
    assert Path(mapped.path).exists()
    bundles.drop(bundles.key(pipeline))
    with pytest.raises(OSError, match="No such file"):
        mapped.load()
