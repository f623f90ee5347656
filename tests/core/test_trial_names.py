"""Names and patterns of several trials."""

import pytest

from lemur_core import recording
from lemur_core.commands import trials_named
from lemur_core.errors import PatternError, UnknownNameError

PIPELINES = {
    "a": ("img-classification_digits_acc_LeNet", 0.5),
    "b": ("img-classification_digits_acc_LeNet", 0.7),
    "c": ("img-classification_digits_acc_VGG", 0.6),
    "d": ("img-classification_digits[samples=100]_acc_VGG", 0.6),
    "e": ("img-segmentation_scenes_iou_UNet", 0.4),
}


@pytest.fixture
def ids(db):
    """Record a trial under each letter; return the letters of trials."""
    letters = {}
    for number, (letter, (pipeline, score)) in enumerate(PIPELINES.items()):
        with recording(pipeline, {"lr": 0.1}, db=db, seed=number) as trial:
            trial.epoch(accuracy=0.5, validation=score)
        letters[trial.uid] = letter
    return lambda *names, **more: "".join(
        letters[uid] for uid in trials_named(str(db), names, **more)
    )


@pytest.mark.parametrize(
    ("name", "best", "every"),
    [
        ("last", "e", "e"),
        ("img-classification_digits_acc_LeNet", "b", "ab"),
        ("img-classification_digits_*", "bcd", "abcd"),
        ("img-classification_digits", "bcd", "abcd"),
        ("img-classification", "bcd", "abcd"),
        ("img-classification_digits[samples=100]_*", "d", "d"),
        ("img-classification_digits[samples=100]_acc_VGG", "d", "d"),
        ("*_*_acc_{VGG,UNet}", "cd", "cd"),
        ("img-*", "bcde", "abcde"),
        ("*", "bcde", "abcde"),
    ],
)
def test_names_and_patterns_stand_for_trials(ids, name, best, every):
    assert "".join(sorted(ids(name))) == best
    assert "".join(sorted(ids(name, every=True))) == every


def test_trials_are_in_the_order_of_the_names_each_once(ids):
    assert ids("last", "img-classification_digits_acc_LeNet", "last") == "eb"


def test_a_pattern_without_a_trial_is_an_error_with_near_names(ids):
    with pytest.raises(UnknownNameError) as raised:
        ids("img-segmentation_scenes_iou_Unett*")
    assert str(raised.value) == (
        "unknown pipeline 'img-segmentation_scenes_iou_Unett*'. "
        "Did you mean 'img-segmentation_scenes_iou_UNet'?"
    )
    with pytest.raises(PatternError, match="braces do not match"):
        ids("img-classification_{digits")
