"""The data bundles of a process, each built when it is needed."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from lemur_core.kinds.loader import DataBundle, as_bundle
from lemur_core.train.corrupt import Corrupt, find_corrupt, leave_out
from lemur_core.train.data_file import DataFile, MappedData, can_be_mapped
from lemur_core.train.file_digests import stamp_of
from lemur_core.train.fingerprint import Digests, identify
from lemur_core.train.restrict import restrict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lemur_core.dataset import DatasetRecord
    from lemur_core.pipeline import Pipeline

Key = tuple[str, str, str]


class _Identified(NamedTuple):
    """The identity of a data set, its files, and their stamp when they were read."""

    record: DatasetRecord
    files: Sequence[Path]
    stamp: str


class Bundles:
    """Data bundles by data set, restriction and task, kept until they are dropped.

    Args:
        folder: Of the data sets.
        skip_corrupt: Told, a line for each data set, which samples cannot be decoded and are left
            out; None has none looked for.
        digests: Computes the digests of files, to identify the content of each data set; None
            identifies none.
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
        """Return the pipeline's bundle, its validation split held out.

        Raises:
            MissingDataError: The data set's files are not in the folder, or none can be decoded.
            ContractError: Its loader breaks the contract.
            PatternError: It cannot be restricted as the pipeline says, or an option means nothing.
        """
        key = self.key(pipeline)
        if key not in self._built:
            whole = self._load(pipeline)
            if self._whole(pipeline) not in self._identified:
                self._identify(pipeline, whole)
            part = restrict(whole, pipeline.restriction, pipeline.dataset)
            part = part.held_out(pipeline.dataset)
            if self._skip_corrupt and key not in self._corrupt:
                self._corrupt[key] = find_corrupt(part, pipeline.dataset, self._skip_corrupt)
            self._built[key] = leave_out(part, self._corrupt.get(key, {}))
        return self._built[key]

    def mapped(self, pipeline: Pipeline) -> MappedData | None:
        """Return the pipeline's bundle to send to other processes; None if they must build it.

        Its samples are written to a file, which this process maps too from then on.

        Raises:
            LemurError: As `get`.
        """
        key, bundle = self.key(pipeline), self.get(pipeline)
        if key not in self._files and can_be_mapped(bundle):
            # Without room for the file each process builds its own.
            with suppress(OSError):
                file = DataFile(bundle)
                self._built[key], self._files[key] = file.mapped.load(), file
        return self._files[key].mapped if key in self._files else None

    def put(self, pipeline: Pipeline, mapped: MappedData | None, corrupt: Corrupt) -> None:
        """Take what another process built, or else what it found when it did."""
        key = self.key(pipeline)
        self._corrupt[key] = corrupt
        if mapped is not None:
            # What cannot be opened here is built here.
            with suppress(OSError):
                self._built[key] = mapped.load()

    def drop(self, key: Key) -> None:
        """Free a bundle; it is built again when it is next asked for."""
        self._built.pop(key, None)
        if file := self._files.pop(key, None):
            file.close()

    def holds(self, key: Key) -> bool:
        """Return whether a bundle is built."""
        return key in self._built

    def corrupt(self, pipeline: Pipeline) -> Corrupt:
        """Return which samples were left out of the pipeline's bundle."""
        return self._corrupt.get(self.key(pipeline), {})

    def left_out(self, pipeline: Pipeline) -> dict[str, int]:
        """Return how many samples of each split these are; a split that has none is not named."""
        corrupt = self.corrupt(pipeline)
        return {split: len(indices) for split, indices in corrupt.items() if indices}

    def record(self, pipeline: Pipeline) -> DatasetRecord | None:
        """Return what identifies the pipeline's data set; None if data sets are not identified.

        A restriction does not change it, as the data set's name states it.

        Raises:
            MissingDataError: A file cannot be read.
        """
        if self._digests is None:
            return None
        if self._whole(pipeline) not in self._identified:
            self.get(pipeline)
        return self._identified[self._whole(pipeline)].record

    def current(self, pipeline: Pipeline) -> DatasetRecord | None:
        """Return what identifies the pipeline's data set at this moment.

        It is identified again only if sizes or times of its files, or of their folders, changed.

        Raises:
            LemurError: The data set cannot be read any more.
        """
        known = self._identified.get(self._whole(pipeline))
        if known is None or not known.files:
            return self.record(pipeline)
        if stamp_of(pipeline.dataset, known.files) != known.stamp:
            self._identify(pipeline, self._load(pipeline))
        return self.record(pipeline)

    def is_within_folder(self, pipeline: Pipeline) -> bool:
        """Return whether all files that the pipeline's data is read from are in the data folder.

        Data that is held in memory is taken for read from there, or from the loader's package.
        """
        known = self._identified.get(self._whole(pipeline))
        if known is None or not (known.record.in_memory or known.files):
            return False
        folder = os.path.abspath(self.folder)
        return all(
            os.path.commonpath([folder, os.path.abspath(file)]) == folder for file in known.files
        )

    def key(self, pipeline: Pipeline) -> Key:
        """Return what pipelines with the same data have in common."""
        return pipeline.loader_entry.target, pipeline.task, str(pipeline.restriction)

    def _load(self, pipeline: Pipeline) -> DataBundle:
        entry, options = pipeline.loader_entry, dict(pipeline.restriction.options)
        return as_bundle(entry.load(), self.folder, pipeline.task, entry.name, options)

    def _whole(self, pipeline: Pipeline) -> Key:
        options = str(pipeline.restriction.options)
        return pipeline.loader_entry.target, pipeline.task, options

    def _identify(self, pipeline: Pipeline, whole: DataBundle) -> None:
        if self._digests is None:
            return
        # Taken before the files are read, so that a change meanwhile is noticed.
        stamp = stamp_of(pipeline.dataset, whole.files)
        record = identify(whole, self.folder, pipeline.dataset, self._digests)
        self._identified[self._whole(pipeline)] = _Identified(record, whole.files, stamp)
