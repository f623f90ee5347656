"""The trial from whose state another one starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lemur_core.continuation import NAME, Origin
from lemur_core.dataset import differing
from lemur_core.errors import DataChangedError, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.dataset import DatasetRecord
    from lemur_core.pipeline import Pipeline
    from lemur_core.store.reading.stored_trial import StoredTrial


@dataclass(frozen=True)
class Start:
    """A recorded trial that another one continues.

    Attributes:
        stored: The recorded trial.
        folder: Folder of its checkpoint.
    """

    stored: StoredTrial
    folder: Path

    @property
    def origin(self) -> Origin:
        """The trial and its last epoch."""
        return Origin(self.stored.facts["uid"], self.stored.epochs[-1].number)

    @property
    def prm(self) -> dict[str, Any]:
        """The hyperparameters of the trial that continues it."""
        return self.stored.prm | {NAME: self.origin.value}

    @property
    def seed(self) -> int:
        """The seed of both trials."""
        return int(self.stored.facts["seed"])

    def check_code(self, pipeline: Pipeline) -> None:
        """Raise `SettingsError` if the installed code of the net is not the recorded one."""
        entry, recipe = pipeline.net_entry, self.stored.facts["recipe"]
        is_other = entry.code() != self.stored.codes.get("nn")
        if is_other or (recipe is not None and recipe != entry.recipe()):
            what = "code" if is_other else "training code"
            raise SettingsError(
                f"trial {self.origin.uid[:8]} was trained with other {what} of net "
                f"{pipeline.net!r} than the present one, so it cannot continue"
            )

    def check_data(self, current: DatasetRecord | None) -> None:
        """Raise `DataChangedError` if the present data is not the recorded one."""
        data = self.stored.data
        if data is not None and current is not None and data.fingerprint != current.fingerprint:
            raise DataChangedError(
                f"trial {self.origin.uid[:8]} was trained on another dataset "
                f"{self.stored.facts['dataset']!r}: {differing(data, current)}; "
                "name its folder with --data"
            )
