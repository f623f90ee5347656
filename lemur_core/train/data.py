"""Build and cache the data bundles of a process."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from lemur_core.kinds.loader import DataBundle, as_bundle
from lemur_core.train.corrupt import Corrupt, find_corrupt, leave_out
from lemur_core.train.data_file import DataFile, MappedData, can_be_mapped
from lemur_core.train.file_digests import stamp_of
from lemur_core.train.fingerprint import Digests, identify
from lemur_core.train.folds import with_validation_split
from lemur_core.train.restrict import restrict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lemur_core.dataset import DatasetRecord
    from lemur_core.pipeline import Pipeline

Key = tuple[str, str, str]


class _Identified(NamedTuple):
    """A dataset's record, its files, and their stamp at the time they were read."""

    record: DatasetRecord
    files: Sequence[Path]
    stamp: str


class Bundles:
    """Data bundles by dataset, restriction and task, cached until they are dropped.

    Args:
        folder: Folder of the datasets.
        skip_corrupt: Called with a line for each dataset that has samples that cannot be decoded,
            which are left out; None does not look for corrupt samples.
        digests: Computes the digests of files, to identify the content of each dataset; None
            identifies no dataset.
    """

    def __init__(
        self,
        folder: Path,
        skip_corrupt: Callable[[str], None] | None = None,
        digests: Digests | None = None,
    ) -> None:
        self.folder, self._skip_corrupt, self._digests = folder, skip_corrupt, digests
        self._built: dict[Key, DataBundle] = {}
        self._files: dict[Key, DataFile] = {}
        self._corrupt: dict[Key, Corrupt] = {}
        self._identified: dict[Key, _Identified] = {}

    def get(self, pipeline: Pipeline) -> DataBundle:
        """Return the pipeline's bundle, with a validation split.

        Raises:
            MissingDataError: The dataset's files are not in the folder, or none can be decoded.
            ContractError: The loader violates its contract.
            PatternError: The dataset cannot be restricted as the pipeline says, or an option is
                unknown.
            MisfitError: The pipeline's share for validation cannot be held out.
        """
        key = self.key(pipeline)
        if key not in self._built:
            whole = self._load(pipeline)
            if self._dataset_key(pipeline) not in self._identified:
                self._identify(pipeline, whole)
            part = restrict(whole, pipeline.restriction, pipeline.dataset)
            part = with_validation_split(part, pipeline.restriction, pipeline.dataset)
            if self._skip_corrupt and key not in self._corrupt:
                self._corrupt[key] = find_corrupt(part, pipeline.dataset, self._skip_corrupt)
            self._built[key] = leave_out(part, self._corrupt.get(key, {}))
        return self._built[key]

    def mapped(self, pipeline: Pipeline) -> MappedData | None:
        """Return the pipeline's bundle to send to other processes; None if they must build it.

        The samples are written to a file, which this process then maps as well.

        Raises:
            LemurError: The bundle cannot be built; see `get`.
        """
        key, bundle = self.key(pipeline), self.get(pipeline)
        if key not in self._files and can_be_mapped(bundle):
            # If there is no room for the file, each process builds the bundle itself.
            with suppress(OSError):
                file = DataFile(bundle)
                self._built[key], self._files[key] = file.mapped.load(), file
        return self._files[key].mapped if key in self._files else None

    def put(self, pipeline: Pipeline, mapped: MappedData | None, corrupt: Corrupt) -> None:
        """Use the bundle that another process built, or the corrupt samples that it found."""
        key = self.key(pipeline)
        self._corrupt[key] = corrupt
        if mapped is not None:
            # If the file cannot be opened, the bundle is built here.
            with suppress(OSError):
                self._built[key] = mapped.load()

    def drop(self, key: Key) -> None:
        """Free a bundle; the next `get` builds it again."""
        self._built.pop(key, None)
        if file := self._files.pop(key, None):
            file.close()

    def holds(self, key: Key) -> bool:
        """Return whether a bundle is built."""
        return key in self._built

    def corrupt(self, pipeline: Pipeline) -> Corrupt:
        """Return the samples that were left out of the pipeline's bundle."""
        return self._corrupt.get(self.key(pipeline), {})

    def left_out(self, pipeline: Pipeline) -> dict[str, int]:
        """Return the number of samples left out of each split; splits without any are omitted."""
        corrupt = self.corrupt(pipeline)
        return {split: len(indices) for split, indices in corrupt.items() if indices}

    def record(self, pipeline: Pipeline) -> DatasetRecord | None:
        """Return the record of the pipeline's dataset; None if datasets are not identified.

        A restriction does not change it, as the dataset's name states the restriction.

        Raises:
            MissingDataError: A file cannot be read.
        """
        if self._digests is None:
            return None
        if self._dataset_key(pipeline) not in self._identified:
            self.get(pipeline)
        return self._identified[self._dataset_key(pipeline)].record

    def current(self, pipeline: Pipeline) -> DatasetRecord | None:
        """Return the up-to-date record of the pipeline's dataset.

        The dataset is identified again only if the sizes or times of its files or folders changed.

        Raises:
            LemurError: The dataset can no longer be read.
        """
        identified = self._identified.get(self._dataset_key(pipeline))
        if identified is None or not identified.files:
            return self.record(pipeline)
        if stamp_of(pipeline.dataset, identified.files) != identified.stamp:
            self._identify(pipeline, self._load(pipeline))
        return self.record(pipeline)

    def is_within_folder(self, pipeline: Pipeline) -> bool:
        """Return whether all files from which the pipeline's data is read are in the data folder.

        Data in memory is assumed to come from there, or from the loader's package.
        """
        identified = self._identified.get(self._dataset_key(pipeline))
        if identified is None or not (identified.record.in_memory or identified.files):
            return False
        folder = os.path.abspath(self.folder)
        return all(
            os.path.commonpath([folder, os.path.abspath(file)]) == folder
            for file in identified.files
        )

    def key(self, pipeline: Pipeline) -> Key:
        """Return the key that pipelines with the same data share."""
        return pipeline.loader_entry.target, pipeline.task, str(pipeline.restriction)

    def _load(self, pipeline: Pipeline) -> DataBundle:
        entry, options = pipeline.loader_entry, dict(pipeline.restriction.options)
        return as_bundle(entry.load(), self.folder, pipeline.task, entry.name, options)

    def _dataset_key(self, pipeline: Pipeline) -> Key:
        options = str(pipeline.restriction.options)
        return pipeline.loader_entry.target, pipeline.task, options

    def _identify(self, pipeline: Pipeline, whole: DataBundle) -> None:
        if self._digests is None:
            return
        # Computed before the files are read, so that a change in between is noticed.
        stamp = stamp_of(pipeline.dataset, whole.files)
        record = identify(whole, self.folder, pipeline.dataset, self._digests)
        self._identified[self._dataset_key(pipeline)] = _Identified(record, whole.files, stamp)
