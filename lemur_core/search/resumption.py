"""Resume recorded trials from their checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_core.search.trial_resources import record_epoch
from lemur_core.train import checkpoint
from lemur_core.train.checkpoint_folders import move_checkpoint
from lemur_core.trial import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lemur_core.search.recorded_trials import RecordedTrials
    from lemur_core.search.trial_builder import TrialBuilder
    from lemur_core.search.trial_resources import TrialResources
    from lemur_core.store.writing.past_trials import PastTrial
    from lemur_core.trial import Epoch, Trial


class Resumption:
    """Takes over recorded trials of a study, and continues them after their last epochs.

    Args:
        resources: The resources of the campaign.
        builder: Builds the trials.
        recorded: The recorded trials of the study.
        left_out: Number of samples left out of each split of the data.
    """

    def __init__(
        self,
        resources: TrialResources,
        builder: TrialBuilder,
        recorded: RecordedTrials,
        left_out: Mapping[str, int],
    ) -> None:
        self._resources, self._builder = resources, builder
        self._recorded, self._left_out = recorded, left_out

    def take_over(self, past: PastTrial, facts: Mapping[str, Any]) -> PastTrial | None:
        """Take over a trial and record facts of it.

        Returns:
            The trial as it is now; None if another campaign was faster.
        """
        writer = self._resources.writer
        if not writer.claim(past, self._left_out, facts):
            return None
        if past.state is State.RUNNING and self._resources.checkpoints:
            move_checkpoint(self._resources.checkpoints, past.uid, writer.owner)
        # Its owner may have recorded another epoch in the meantime.
        return self._recorded.reread(past)

    def trial(self, past: PastTrial, device: str) -> Trial:
        """Return a trial that was taken over, to be continued.

        Raises:
            StateLostError: Its checkpoint is missing, unreadable, or of another training.
        """
        return self._builder.resumed(past, self._recovered(past), device)

    def _recovered(self, past: PastTrial) -> list[Epoch]:
        """Return the epochs from which to resume.

        Raises:
            StateLostError: The trial's checkpoint is missing, unreadable, or of another training.
        """
        if past.epochs and past.epochs[-1].number == self._resources.settings.epochs:
            return list(past.epochs)
        folder = self._builder.folder(past.uid)
        saved = checkpoint.saved_epochs(folder) if folder else []
        if len(saved) < len(past.epochs):
            raise checkpoint.StateLostError("its checkpoint was lost")
        if _scores(saved[: len(past.epochs)]) != _scores(past.epochs):
            raise checkpoint.StateLostError("its checkpoint is not that of the recorded epochs")
        # These epochs were saved, but the campaign ended before it recorded them.
        for epoch in saved[len(past.epochs) :]:
            record_epoch(self._resources, past.id, epoch)
        return saved


def _scores(epochs: Sequence[Epoch]) -> list[tuple[int, float, float]]:
    return [(epoch.number, epoch.validation, epoch.accuracy) for epoch in epochs]
