"""The data bundles of a process, each built once."""

from __future__ import annotations

from pathlib import Path

from lemur_core.kinds.loader import DataBundle, as_bundle
from lemur_core.pipeline import Pipeline


class Bundles:
    """Data bundles by data set and task, kept for every trial that follows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._built: dict[tuple[str, str], DataBundle] = {}

    def get(self, pipeline: Pipeline) -> DataBundle:
        """Return the pipeline's bundle.

        Raises:
            MissingDataError: The data set's files are not in the folder.
            ContractError: Its loader breaks the contract.
        """
        entry, key = pipeline.loader_entry, (pipeline.loader_entry.target, pipeline.task)
        if key not in self._built:
            self._built[key] = as_bundle(entry.load(), self.folder, pipeline.task, entry.name)
        return self._built[key]
