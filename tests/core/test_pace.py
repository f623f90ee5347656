"""The estimate of the time that is left."""

from lemur_core.cli.pace import Pace
from lemur_core.composition import compose
from lemur_core.events import CampaignStarted, EpochEnded, StudyStarted, TrialStarted
from lemur_core.pattern import Pattern
from lemur_core.trial import Epoch, Trial


def test_the_time_before_the_first_trial_does_not_count(toys):
    now = [0.0]
    pace = Pace(lambda: now[0])
    [pipeline] = compose(toys, [Pattern.parse("img-classification_blobs_hits_Linear")])
    trial = Trial(pipeline, 1, {}, 0, 5, "cpu")
    pace.take(CampaignStarted([pipeline], 2, 5, ["cpu"], "lemur.db"))
    now[0] = 100.0
    pace.take(StudyStarted(pipeline, 0, 2, 2, {}))
    pace.take(TrialStarted(trial))
    assert pace.left_s is None
    for number, end in ((1, 104.0), (2, 106.0)):
        now[0] = end
        pace.take(EpochEnded(trial, Epoch(number, 0.5, 0.5, 0.5, 1)))
    # 8 of 10 epochs are left, at 3 s each.
    assert (pace.left_s, pace.elapsed_s) == (24.0, 106.0)
