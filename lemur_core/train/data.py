"""The data bundles of a process, each built once."""

from __future__ import annotations

import shutil
from pathlib import Path

from lemur_core.kinds.loader import DataBundle, InMemory, as_bundle
from lemur_core.kinds.restrict import restrict
from lemur_core.pipeline import Pipeline

Key = tuple[str, str, str]
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where Linux keeps it; nothing is written by name


class Bundles:
    """Data bundles by data set, restriction and task, kept for every trial that follows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._built: dict[Key, DataBundle] = {}

    def get(self, pipeline: Pipeline) -> DataBundle:
        """Return the pipeline's bundle, its validation split held out.

        Raises:
            MissingDataError: The data set's files are not in the folder.
            ContractError: Its loader breaks the contract.
            PatternError: It cannot be restricted as the pipeline says.
        """
        entry, key = pipeline.loader_entry, self.key(pipeline)
        if key not in self._built:
            whole = as_bundle(entry.load(), self.folder, pipeline.task, entry.name)
            part = restrict(whole, pipeline.restriction, pipeline.dataset)
            self._built[key] = part.held_out()
        return self._built[key]

    def put(self, pipeline: Pipeline, bundle: DataBundle) -> None:
        """Take a bundle that another process built."""
        self._built[self.key(pipeline)] = bundle

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
