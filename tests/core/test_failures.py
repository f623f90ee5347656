"""When lemur gives up on a net."""

import pytest

from lemur_core.search.failures import reason_to_give_up
from lemur_core.trial import Outcome, State

WELL = Outcome(State.FINISHED, ())


def failed(reason):
    return Outcome(State.FAILED, (), reason)


NAN, LATE = failed("loss is nan in step 7"), failed("epoch 2 took longer than 60 s")
NAN_TOO = failed("loss is nan in step 12")


@pytest.mark.parametrize(
    ("outcomes", "well", "why"),
    [
        ([], 0, ""),
        ([NAN], 0, ""),
        ([NAN, NAN_TOO], 0, "its first 2 trials failed in the same way: loss is nan in step 12"),
        ([NAN, LATE], 0, ""),
        # An earlier trial ended well with other hyperparameters.
        ([NAN, NAN], 1, ""),
        ([WELL, NAN, NAN, NAN], 0, ""),
        ([NAN, NAN, WELL], 0, "its first 2 trials failed in the same way: loss is nan in step 7"),
        ([WELL, *[NAN, LATE] * 9, NAN], 1, ""),
        (
            [WELL, *[NAN, LATE] * 10],
            1,
            "its last 20 trials failed, the last of them: epoch 2 took longer than 60 s",
        ),
        ([NAN] * 19 + [WELL], 5, ""),
    ],
)
def test_a_net_is_given_up_after_identical_failures_or_many_in_a_row(outcomes, well, why):
    assert reason_to_give_up(outcomes, 2, well=well) == why


def test_one_attempt_is_one_trial():
    assert reason_to_give_up([NAN], 1, well=0) == "its first trial failed: loss is nan in step 7"
