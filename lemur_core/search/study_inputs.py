"""What a study trains on: its dataset, and the code that trains its net."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from lemur_core.errors import LemurError

if TYPE_CHECKING:
    from lemur_core.dataset import DatasetRecord
    from lemur_core.pipeline import Pipeline
    from lemur_core.train.data import Bundles


class StudyInputs:
    """The dataset of a study and the code of its net, as they were when the study was opened.

    Args:
        pipeline: The pipeline.
        bundles: The data of the campaign.

    Attributes:
        fault: A line saying that the dataset changed, as of the last call of `has_other_data`;
            empty if it did not.
    """

    fault = ""

    def __init__(self, pipeline: Pipeline, bundles: Bundles) -> None:
        self._pipeline, self._bundles = pipeline, bundles

    @cached_property
    def data(self) -> DatasetRecord | None:
        """The record of the dataset; only trials on the same data belong to the study."""
        return self._bundles.record(self._pipeline)

    @cached_property
    def recipe(self) -> str | None:
        """The identity of the code that trains the net; only trials with it belong to the study."""
        return self._pipeline.net_entry.recipe()

    def has_other_data(self) -> bool:
        """Return whether the dataset changed after the study was opened."""
        if not self.fault and self._is_other():
            self.fault = f"dataset {self._pipeline.dataset!r} changed while the campaign ran"
        return bool(self.fault)

    def _is_other(self) -> bool:
        try:
            return self._bundles.current(self._pipeline) != self.data
        except (LemurError, OSError):
            return True
