"""Read the code of pipelines once, so that the trained code is the recorded code."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lemur_core.entry import Entry
    from lemur_core.pipeline import Pipeline
    from lemur_core.sources.snapshot import Snapshot


class CodeReader:
    """Reads the code of each entry once, even if many pipelines use the entry."""

    def __init__(self) -> None:
        self._entries: dict[tuple[Entry, bool], Entry] = {}
        self._snapshots: dict[tuple[str, str | None, bool], Snapshot | None] = {}

    def read(self, pipeline: Pipeline) -> Pipeline:
        """Return the pipeline with a snapshot of the code of each entry, taken when first read.

        Raises:
            PluginError: The code of an entry cannot be read.
        """
        return replace(
            pipeline,
            net_entry=self._read(pipeline.net_entry, is_net=True),
            loader_entry=self._read(pipeline.loader_entry),
            metric_entry=self._read(pipeline.metric_entry),
            also={name: self._read(entry) for name, entry in pipeline.also.items()},
            transforms={name: self._read(entry) for name, entry in pipeline.transforms.items()},
        )

    def _read(self, entry: Entry, *, is_net: bool = False) -> Entry:
        entry_key = entry, is_net
        if entry_key not in self._entries:
            # Hundreds of nets can share one file and differ only in fixed hyperparameters.
            code_key = entry.target, entry.code_target, is_net
            if code_key not in self._snapshots:
                self._snapshots[code_key] = entry.with_snapshot(is_net=is_net).snapshot
            self._entries[entry_key] = replace(entry, snapshot=self._snapshots[code_key])
        return self._entries[entry_key]
