"""Build the trials of a study: their seeds, their files and what is recorded with them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lemur_core.search.study import derived_seed
from lemur_core.settings import DrawnSeed
from lemur_core.store.identity import prm_uid
from lemur_core.train.checkpoint_folders import checkpoint_folder
from lemur_core.trial import Keep, Trial
from lemur_core.user import recorded_user

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lemur_core.search.prepare import PreparedStudy
    from lemur_core.search.study_inputs import StudyInputs
    from lemur_core.search.trial_resources import TrialResources
    from lemur_core.store.writing.past_trials import PastTrial
    from lemur_core.trial import Epoch

CAMPAIGN_SEED = "campaign.seed"
"""Fact of a trial: the seed of its campaign, if it was drawn at random."""


class TrialBuilder:
    """Builds the trials of one study and records that they start.

    Args:
        ready: The prepared pipeline.
        resources: The resources of the campaign.
        inputs: The data and the code of the study.
        left_out: Number of samples left out of each split of the data.
    """

    def __init__(
        self,
        ready: PreparedStudy,
        resources: TrialResources,
        inputs: StudyInputs,
        left_out: Mapping[str, int],
    ) -> None:
        self._pipeline, self._start = ready.pipeline, ready.start
        self._versions = ready.versions
        self._resources, self._inputs, self._left_out = resources, inputs, left_out

    def trial(self, number: int, prm: Mapping[str, Any], seed: int | None, device: str) -> Trial:
        """Return a trial of the pipeline; without a seed, its seed depends on its number."""
        settings = self._resources.settings
        if seed is None:
            seed = derived_seed(settings.seed, self._pipeline.name, number, "trial")
        trial = Trial(self._pipeline, number, prm, seed, settings.epochs, device)
        return self._with_resources(trial)

    def resumed(self, past: PastTrial, epochs: Sequence[Epoch], device: str) -> Trial:
        """Return a recorded trial that goes on after these epochs."""
        trial = self.trial(past.number, past.prm, past.seed, device)
        return self._with_resources(replace(trial, uid=past.uid, done=tuple(epochs)))

    def point_seed(self, prm: Mapping[str, Any]) -> int:
        """Return the seed of the trial of a point."""
        if self._start is not None:
            # The random numbers of an epoch are those that the first trial would have had.
            return self._start.seed
        # The results of a point do not depend on other trials or on the number of workers.
        return derived_seed(
            self._resources.settings.seed, self._pipeline.name, prm_uid(prm), "point"
        )

    def begin(self, trial: Trial, facts: Mapping[str, Any]) -> int:
        """Record that a trial starts, with its facts; return its id.

        Raises:
            NumberTakenError: Another campaign took the number.
        """
        drawn = self._resources.settings.seed
        own = {CAMPAIGN_SEED: int(drawn)} if isinstance(drawn, DrawnSeed) else {}
        return self._resources.writer.begin(trial, {**own, **facts})

    def folder(self, uid: str) -> Path | None:
        """Return the folder of a trial's checkpoint; None if none is saved."""
        return (
            checkpoint_folder(self._resources.checkpoints, uid)
            if self._resources.checkpoints
            else None
        )

    def _with_resources(self, trial: Trial) -> Trial:
        """Return a trial with its files, its data and the identity of its code."""
        weights = self._resources.weights and self._resources.weights / f"{trial.uid}.safetensors"
        parts = self._resources.forecasting.parts if self._resources.forecasting else 1
        if self._start is not None:
            trial = replace(trial, first=self._start.origin.epoch + 1, start=self._start.folder)
        return replace(
            trial,
            checkpoint=self.folder(trial.uid),
            weights=weights,
            keep=self._resources.settings.keep_weights,
            keep_checkpoint=self._resources.settings.keep_checkpoints is not Keep.NO,
            initial=self._resources.initial.file(trial.prm),
            parts=parts,
            left_out=self._left_out,
            data=self._inputs.data,
            recipe=self._inputs.recipe,
            versions={**self._versions, **self._resources.writer.versions},
            user=recorded_user(self._resources.settings.user),
        )
