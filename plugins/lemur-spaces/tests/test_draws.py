"""What is drawn has the distributions of the published definitions."""

import math
from collections import Counter
from random import Random

import pytest
from scipy.stats import chisquare, kstest

from lemur_core.errors import SettingsError
from lemur_spaces import anynet, cnn, regnet
from lemur_spaces.quantised import log_uniform, power_of_two, power_of_two_or_multiple

DRAWS = 20_000
LEAST_P = 1e-3


def log_uniform_probabilities(low, high, step):
    """Return the share of the logarithmic scale that is rounded up to each multiple."""
    bottom = low - min(step, low / 2)
    total = math.log(high / bottom)
    return {
        value: math.log(value / max(value - step, bottom)) / total
        for value in range(low, high + 1, step)
    }


def check(values, probabilities):
    counts = Counter(values)
    assert set(counts) <= set(probabilities)
    expected = [len(values) * share for share in probabilities.values()]
    result = chisquare([counts[value] for value in probabilities], expected)
    assert result.pvalue > LEAST_P, result


@pytest.fixture(scope="module")
def designs():
    rng = Random(11)
    return [anynet.draw(rng) for _ in range(DRAWS)]


@pytest.mark.parametrize("stage", anynet.STAGES)
@pytest.mark.parametrize(
    ("setting", "probabilities"),
    [
        ("depth", log_uniform_probabilities(1, 16, 1)),
        ("width", log_uniform_probabilities(8, 1024, 8)),
        ("bottleneck", dict.fromkeys((1, 2, 4), 1 / 3)),
        ("group", dict.fromkeys((1, 2, 4, 8, 16, 32), 1 / 6)),
    ],
)
def test_settings_of_anynet_have_the_published_distribution(designs, stage, setting, probabilities):
    check([design[f"{setting}_{stage}"] for design in designs], probabilities)


def test_stages_are_drawn_independently(designs):
    pairs = Counter((design["bottleneck_1"], design["bottleneck_2"]) for design in designs)
    assert chisquare(list(pairs.values())).pvalue > LEAST_P
    assert len(pairs) == 9


def test_share_of_invalid_designs_is_as_computed(designs):
    widths = log_uniform_probabilities(8, 1024, 8)
    valid = sum(
        share / 18
        for width, share in widths.items()
        for ratio in (1, 2, 4)
        for group in (1, 2, 4, 8, 16, 32)
        if width // ratio % group == 0
    )
    count = sum(not anynet.fault(design) for design in designs)
    assert count / DRAWS == pytest.approx(valid**4, abs=0.01)


def test_lines_of_regnets_have_the_published_distribution():
    rng = Random(5)
    lines = [regnet.draw_line(rng) for _ in range(DRAWS)]
    check([line.depth for line in lines], dict.fromkeys(range(12, 29), 1 / 17))
    check([line.start for line in lines], log_uniform_probabilities(8, 256, 8))
    # 8 is drawn as power 3 of the powers 3 to 7, all of which then draw from multiples of 8.
    check([line.group for line in lines], log_uniform_probabilities(8, 128, 8))
    for values, low, high in (
        ([line.slope for line in lines], 8, 256),
        ([line.ratio for line in lines], 2, 3),
    ):
        shares = [math.log(value / low) / math.log(high / low) for value in values]
        # The steps are so small that the distribution is nearly continuous.
        assert kstest(shares, "uniform").statistic < 0.02


def test_powers_below_the_step_are_equally_probable():
    rng = Random(3)
    drawn = Counter(power_of_two_or_multiple(rng, 1, 64, 8) for _ in range(DRAWS))
    assert chisquare([drawn[1], drawn[2], drawn[4]]).pvalue > LEAST_P
    assert sum(drawn[value] for value in (1, 2, 4)) / DRAWS == pytest.approx(3 / 7, abs=0.015)
    assert all(value % 8 == 0 for value in set(drawn) - {1, 2, 4})
    assert Counter(power_of_two(rng, 4, 4) for _ in range(9)) == {4: 9}


def test_numbers_stay_within_their_ends():
    rng = Random(0)
    values = [log_uniform(rng, 2, 3, 0.001) for _ in range(DRAWS)]
    assert 2 <= min(values) < 2.002
    assert 2.998 < max(values) <= 3
    assert all(value == round(value, 3) for value in values)


def test_plain_cnns_have_the_distribution_of_the_estimators_population():
    rng = Random(9)
    designs = [cnn.draw(rng) for _ in range(DRAWS // 4)]
    layers = [layer for design in designs for layer in cnn.layers_of(design)]
    check([len(cnn.layers_of(design)) for design in designs], dict.fromkeys(range(1, 11), 0.1))
    check([layer.kernel for layer in layers], dict.fromkeys(range(1, 6), 0.2))
    check([layer.stride for layer in layers], {1: 0.75, 2: 0.25})
    check([layer.padding for layer in layers], dict.fromkeys(range(3), 1 / 3))
    check([design["hidden"] for design in designs], {0: 0.5, 32: 0.25, 64: 0.25})
    filters = {
        count: (math.log2(min(count + 0.5, 2**4.5)) - math.log2(max(count - 0.5, 4))) / 2.5
        for count in range(4, 24)
    }
    check([layer.filters for layer in layers], filters)


@pytest.mark.parametrize(
    ("width", "ratio", "group", "expected"),
    [
        # By hand: the bottleneck has width / ratio channels, rounded to a multiple of the group.
        (64, 1, 32, (64, 32)),
        (8, 4, 32, (8, 2)),
        (24, 1, 16, (32, 16)),  # 1.5 groups become 2
        (40, 1, 16, (32, 16)),  # 2.5 groups become 2, the even one
        (56, 4, 8, (64, 8)),  # 14 channels become 16
    ],
)
def test_widths_and_groups_are_adjusted(width, ratio, group, expected):
    design = {**anynet.adjust(anynet.draw(Random(0)))}
    design |= {"width_2": width, "bottleneck_2": ratio, "group_2": group}
    adjusted = anynet.adjust(design)
    assert (adjusted["width_2"], adjusted["group_2"]) == expected
    assert {name for name in design if design[name] != adjusted[name]} <= {"width_2", "group_2"}


def test_faults_say_which_numbers_contradict_each_other():
    design = {**anynet.adjust(anynet.draw(Random(0)))}
    fault = anynet.fault({**design, "width_3": 24, "bottleneck_3": 2, "group_3": 8})
    assert fault == "stage 3: group width 8 does not divide the bottleneck's width 12"
    fault = anynet.fault({**design, "width_1": 30, "bottleneck_1": 4})
    assert fault == "stage 1: bottleneck ratio 4 does not divide width 30"


def test_lines_with_another_number_of_stages_are_no_designs():
    assert regnet.design_of(regnet.Line(12, 256, 8.0, 3.0, 8)) is None
    published = regnet.design_of(regnet.Line(13, 24, 36.44, 2.49, 8))
    assert [published[f"width_{stage}"] for stage in anynet.STAGES] == [24, 56, 152, 368]
    assert [published[f"depth_{stage}"] for stage in anynet.STAGES] == [1, 1, 4, 7]


def test_unreadable_layers_are_one_line():
    with pytest.raises(SettingsError) as caught:
        cnn.layers_of({"layers": "16k3"})
    assert str(caught.value) == "layers '16k3': expected layers as in 16k3s1p1-8k5s2p0"
