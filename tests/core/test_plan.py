"""The plan of a campaign, which is also what a dry run prints."""

from lemur_core.campaign.plan import DEMO_PRM, plan
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
    demo = plan(Settings.of({"prm": {"lr": 0.1}}), toys)
    assert demo.ranges == DEMO_PRM | {"lr": 0.1}
    assert plan(Settings.of({"prm": {"batch": 8}}), toys).ranges == {"batch": 8}
    for settings in ({"patterns": BLOBS}, {"net": "Linear"}):
        assert plan(Settings.of(settings), toys).ranges == {}
