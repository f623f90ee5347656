"""Samples are loaded in this process if shared memory has no room for loader processes."""

import torch

from lemur_core.train import batches as batches_module
from lemur_core.train import shared_memory
from lemur_core.train.process_tree import IS_LINUX
from lemur_core.train.shared_memory import has_room_for, nbytes


class Images:
    def __len__(self):
        return 2_001

    def __getitem__(self, index):
        return torch.full((1, 2, 2), index % 251, dtype=torch.uint8), index


def loader():
    return batches_module.batches(
        Images(), torch.nn.Identity(), 50, torch.device("cpu"), training=True
    )


def test_no_room_means_no_processes(monkeypatch, tmp_path):
    monkeypatch.setattr(batches_module, "_loading_processes", lambda samples: 2)
    state = torch.get_rng_state()
    assert loader().loader.num_workers == 2
    monkeypatch.setattr(shared_memory, "_FOLDER", tmp_path / "absent")
    without = loader()
    assert without.loader.num_workers == (0 if IS_LINUX else 2)
    assert len(list(without)) == 40
    torch.set_rng_state(state)


def test_the_required_memory_is_that_of_prepared_batches(monkeypatch):
    class Free:
        free = 600

    monkeypatch.setattr(shared_memory.shutil, "disk_usage", lambda folder: Free)
    assert has_room_for(100, 2)
    assert has_room_for(101, 2) != IS_LINUX


def test_the_size_counts_all_tensors():
    sample = torch.zeros(3), {"boxes": torch.zeros(2, 4), "names": ["a", torch.zeros(1)]}, 7
    assert nbytes(sample) == 4 * (3 + 8 + 1)
