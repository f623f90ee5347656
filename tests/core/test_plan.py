"""The plan of a campaign, which is also what a dry run prints."""

import pytest

from lemur_core.campaign.plan import plan
from lemur_core.errors import SettingsError
from lemur_core.pattern import Pattern
from lemur_core.settings import Settings

BLOBS = "img-classification_blobs_hits_Linear"


def test_a_plan_reads_each_pattern_once(toys, monkeypatch):
    parsed, parse = [], Pattern.parse
    monkeypatch.setattr(Pattern, "parse", lambda text: parsed.append(text) or parse(text))
    patterns = [BLOBS, "img-classification_blobs_hits_{Linear,Raises}"]
    planned = plan(Settings.of({"patterns": patterns, "net": "Linear"}), toys)
    assert parsed == patterns
    assert [pipeline.name for pipeline in planned.pipelines] == [BLOBS]


def test_a_plan_lists_the_names_given_in_full(toys):
    patterns = ["img-classification_{blobs,t*}_hits_*", "*_*_toy/hits"]
    planned = plan(Settings.of({"patterns": patterns, "metric": "h*"}), toys)
    assert planned.named == ({"blobs"}, {"hits"})


def test_only_the_demo_has_ranges_without_settings(toys):
    demo = plan(Settings.of({"prm": {"lr": 0.1}, "epochs": 3}), toys)
    cycle = {"scheduler": "onecycle", "scheduler_epochs": 3}
    assert demo.ranges == {"batch": "2^4..2^5", **cycle, "lr": 0.1}
    chosen = {"batch": 8, "scheduler": "constant"}
    assert plan(Settings.of({"prm": chosen}), toys).ranges == chosen
    for settings in ({"patterns": BLOBS}, {"net": "Linear"}):
        assert plan(Settings.of(settings), toys).ranges == {}


@pytest.mark.parametrize(
    ("prm", "epochs"),
    [
        ({"scheduler": "onecycle"}, 30),
        ({"scheduler": "constant, cosine"}, 30),
        ({"scheduler": ["exponential", "cosine"]}, 30),
        ({"scheduler": "cosine", "scheduler_epochs": "5,10"}, "5,10"),
        ({"scheduler": "exponential"}, None),
        ({"lr": 0.1}, None),
    ],
)
def test_a_schedule_is_as_long_as_the_training_unless_given(toys, prm, epochs):
    settings = Settings.of({"net": "Linear", "epochs": 30, "prm": prm})
    assert plan(settings, toys).ranges.get("scheduler_epochs") == epochs


def test_the_length_of_a_schedule_can_be_in_points(toys):
    given = {"net": "Linear", "prm": {"scheduler": "cosine"}}
    for point, length in (({"lr": 0.1}, 5), ({"lr": 0.1, "scheduler_epochs": 7}, None)):
        settings = Settings.of({**given, "epochs": 5, "points": [point]})
        assert plan(settings, toys).ranges.get("scheduler_epochs") == length


@pytest.mark.parametrize(
    ("patterns", "datasets", "named"),
    [
        ([BLOBS], ["blobs[validation=0.2]"], {"blobs[validation=0.2]"}),
        ([], ["blobs[validation=0.2]"], set()),
        (
            ["*_blobs[samples=20]_*_Linear", "*_blobs[validation=0.3]_*_Linear"],
            ["blobs[samples=20,validation=0.2]", "blobs[validation=0.3]"],
            {"blobs[samples=20,validation=0.2]", "blobs[validation=0.3]"},
        ),
        (
            ["*_{blobs,blobs[validation=0.2]}_*_Linear"],
            ["blobs[validation=0.2]"],
            {"blobs[validation=0.2]"},
        ),
    ],
)
def test_the_share_for_validation_is_part_of_the_name(toys, patterns, datasets, named):
    planned = plan(Settings.of({"patterns": patterns, "validation": 0.2}), toys)
    assert [pipeline.dataset for pipeline in planned.pipelines] == datasets
    assert planned.named.datasets == named


def test_names_are_as_before_without_a_share_for_validation(toys):
    assert [
        pipeline.name for pipeline in plan(Settings.of({"patterns": BLOBS}), toys).pipelines
    ] == [BLOBS]


@pytest.mark.parametrize("share", [0.0, 1.0, -0.2, 20.0, 0.12345, float("nan")])
def test_another_share_for_validation_is_reported(share):
    with pytest.raises(SettingsError) as caught:
        Settings.of({"validation": share})
    assert str(caught.value) == (
        f"validation is {share}; expected a share between 0 and 1, as in 0.2"
    )
