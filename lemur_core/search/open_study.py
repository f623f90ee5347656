"""The parts of an open study, which its search and the trainings after it share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lemur_core.search.proposals import Proposals
from lemur_core.search.recorded_trials import RecordedTrials
from lemur_core.search.resumption import Resumption
from lemur_core.search.scope import Scope
from lemur_core.search.study_inputs import StudyInputs
from lemur_core.search.trial_builder import TrialBuilder

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from lemur_core.pipeline import Pipeline
    from lemur_core.search.prepare import PreparedStudy
    from lemur_core.search.trial_resources import TrialResources


@dataclass(frozen=True)
class OpenStudy:
    """A study whose trials are trained.

    Attributes:
        ready: The prepared pipeline, with its space or its points.
        inputs: The data and the code of the study.
        scope: Decides which trials belong to the study.
        builder: Builds the trials.
        proposals: Decides what is trained next in the search.
        recorded: The recorded trials.
        resumption: Resumes recorded trials.
    """

    ready: PreparedStudy
    inputs: StudyInputs
    scope: Scope
    builder: TrialBuilder
    proposals: Proposals
    recorded: RecordedTrials
    resumption: Resumption

    @classmethod
    def of(
        cls,
        ready: PreparedStudy,
        resources: TrialResources,
        chance: float,
        left_out: Mapping[str, int],
        running: Container[int],
    ) -> OpenStudy:
        """Return the study of a prepared pipeline.

        Args:
            ready: The prepared pipeline, with its space or its points.
            resources: The resources of the campaign.
            chance: Score of random guessing on the data, 0 to 1.
            left_out: Number of samples left out of each split of the data.
            running: Ids of the trials that are trained here; the caller updates it.
        """
        inputs, scope = StudyInputs(ready.pipeline, resources.bundles), Scope(ready)
        builder = TrialBuilder(ready, resources, inputs, left_out)
        proposals = Proposals(ready, resources, scope, builder, chance)
        recorded = RecordedTrials(ready, resources, inputs, scope, proposals, running)
        resumption = Resumption(resources, builder, recorded, left_out)
        return cls(ready, inputs, scope, builder, proposals, recorded, resumption)

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline."""
        return self.ready.pipeline

    @property
    def is_search(self) -> bool:
        """Whether hyperparameters are searched, instead of given as points."""
        return self.ready.points is None
