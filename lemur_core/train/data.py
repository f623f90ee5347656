"""The data bundles of a process, each built once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from lemur_core.kinds.loader import DataBundle, InMemory, as_bundle
from lemur_core.kinds.restrict import restrict
from lemur_core.pipeline import Pipeline
from lemur_core.train.corrupt import Corrupt, find_corrupt, leave_out

Key = tuple[str, str, str]
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where Linux keeps it; nothing is written by name


class Bundles:
    """Data bundles by data set, restriction and task, kept for every trial that follows.

    Args:
        folder: Of the data sets.
        skip_corrupt: Told, a line for each data set, which samples cannot be decoded and are left
            out; None has none looked for.
    """

    def __init__(self, folder: Path, skip_corrupt: Callable[[str], None] | None = None) -> None:
        self.folder, self._skip_corrupt = folder, skip_corrupt
        self._built: dict[Key, DataBundle] = {}
        self._corrupt: dict[Key, Corrupt] = {}

    def get(self, pipeline: Pipeline) -> DataBundle:
        """Return the pipeline's bundle, its validation split held out.

        Raises:
            MissingDataError: The data set's files are not in the folder, or none can be decoded.
            ContractError: Its loader breaks the contract.
            PatternError: It cannot be restricted as the pipeline says, or an option means nothing.
        """
        entry, key = pipeline.loader_entry, self.key(pipeline)
        if key not in self._built:
            options = dict(pipeline.restriction.options)
            whole = as_bundle(entry.load(), self.folder, pipeline.task, entry.name, options)
            part = restrict(whole, pipeline.restriction, pipeline.dataset).held_out()
            if self._skip_corrupt and key not in self._corrupt:
                self._corrupt[key] = find_corrupt(part, pipeline.dataset, self._skip_corrupt)
            self._built[key] = leave_out(part, self._corrupt.get(key, {}))
        return self._built[key]

    def put(self, pipeline: Pipeline, bundle: DataBundle | None, corrupt: Corrupt) -> None:
        """Take what another process built, or else what it found when it did."""
        key = self.key(pipeline)
        self._corrupt[key] = corrupt
        if bundle is not None:
            self._built[key] = bundle

    def corrupt(self, pipeline: Pipeline) -> Corrupt:
        """Return which samples were left out of the pipeline's bundle."""
        return self._corrupt.get(self.key(pipeline), {})

    def left_out(self, pipeline: Pipeline) -> dict[str, int]:
        """Return how many samples of each split these are; a split that has none is not named."""
        corrupt = self.corrupt(pipeline)
        return {split: len(indices) for split, indices in corrupt.items() if indices}

    def key(self, pipeline: Pipeline) -> Key:
        """Return what pipelines with the same data have in common."""
        return pipeline.loader_entry.target, pipeline.task, str(pipeline.restriction)


def share(bundle: DataBundle) -> DataBundle | None:
    """Return the bundle to send to another process; None where that must build its own.

    What is held in memory is moved to shared memory and seen by both.
    """
    splits = (bundle.train, bundle.validation, bundle.test)
    held = [split for split in splits if isinstance(split, InMemory)]
    if len(held) < len(splits):
        return None
    needed = sum(split.inputs.nbytes + split.targets.nbytes for split in held)
    # Where there is too little, in a container say, writing to it would end this process.
    if _SHARED_MEMORY.is_dir() and shutil.disk_usage(_SHARED_MEMORY).free < 2 * needed:
        return None
    return bundle
