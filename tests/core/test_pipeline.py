import pytest

from lemur_core import Entry
from lemur_core.errors import MisfitError, PatternError, UnknownNameError
from lemur_core.pipeline import Pattern, compose, demo, pattern_of

TASK = "img-classification"


def names(toys, *texts, transforms=(), only=None):
    patterns = [Pattern.parse(text) for text in texts]
    return [pipeline.name for pipeline in compose(toys, patterns, transforms, only)]


def test_a_full_name_is_one_pipeline(toys):
    assert names(toys, f"{TASK}_blobs_hits_Linear") == [f"{TASK}_blobs_hits_Linear"]


def test_a_beginning_stands_for_all_that_follow(toys):
    nets = ("Diverges", "Exits", "Picky", "Raises", "Linear")
    assert names(toys, f"{TASK}_blobs") == [f"{TASK}_blobs_hits_{net}" for net in nets]


@pytest.mark.parametrize("text", ["*_blobs_*_{Linear,Raises}", "img-*_b?obs_hits_*i*a[rs]*"])
def test_wildcards_and_braces_choose_names(toys, text):
    found = set(names(toys, text))
    assert f"{TASK}_blobs_hits_Linear" in found
    assert f"{TASK}_blobs_hits_Exits" not in found
    assert not any("absent" in name for name in found)


def test_the_order_is_that_of_the_patterns_and_nothing_comes_twice(toys):
    given = (f"{TASK}_blobs_hits_Raises", f"{TASK}_blobs_hits_{{Linear,Raises}}")
    assert names(toys, *given) == [f"{TASK}_blobs_hits_Raises", f"{TASK}_blobs_hits_Linear"]


def test_a_filter_narrows_a_pattern_and_never_widens_it(toys):
    only = pattern_of({"net": ["Linear,Exits"]})
    assert names(toys, f"{TASK}_blobs_hits_{{Linear,Raises}}", only=only) == [
        f"{TASK}_blobs_hits_Linear"
    ]


def test_a_full_entry_name_works_where_the_short_one_would_do(toys):
    only = pattern_of({"net": ["toy/Linear"], "dataset": ["toy/blobs"]})
    assert names(toys, TASK, only=only) == [f"{TASK}_blobs_hits_Linear"]


def test_transforms_that_are_too_small_for_the_net_are_left_out(toys):
    toys = toys.with_entries("big", "net", [Entry("Eight", "lemur_toy.nets.Linear", min_size=8)])
    [pipeline] = compose(toys, [Pattern.parse(f"{TASK}_blobs_hits_Eight")])
    assert list(pipeline.transforms) == ["double"]


def test_the_demo_is_what_entries_say_it_is(toys):
    [pipeline] = demo(toys)
    assert pipeline.name == f"{TASK}_blobs_hits_Linear"
    assert list(pipeline.transforms) == ["plain"]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (
            f"{TASK}_blobs_hits_linear",
            UnknownNameError,
            "unknown net 'linear'. Did you mean 'Linear'?",
        ),
        (
            f"{TASK}_zebra",
            UnknownNameError,
            "unknown data set 'zebra'; there are absent, blobs, words",
        ),
        (
            "img-classfication",
            UnknownNameError,
            "unknown task 'img-classfication'. Did you mean 'img-classification'?",
        ),
        (
            "a_b_c_d_e",
            PatternError,
            "pattern 'a_b_c_d_e' has 5 parts; expected task_dataset_metric_net "
            "or the beginning of one, without empty parts",
        ),
        (
            "a__b",
            PatternError,
            "pattern 'a__b' has 3 parts; expected task_dataset_metric_net "
            "or the beginning of one, without empty parts",
        ),
        ("{a,b", PatternError, "pattern '{a,b': braces do not match; expected {a,b}"),
        (
            "*_*_*_Z*",
            PatternError,
            "'*_*_*_Z*': no pipeline of what is installed matches; "
            "see lemur list for what there is",
        ),
        (
            "txt-generation_blobs",
            MisfitError,
            "'txt-generation_blobs_*_*': data set 'blobs' serves img-classification only; "
            "for txt-generation there is words",
        ),
        (
            f"{TASK}_blobs_hits_Tall",
            MisfitError,
            f"'{TASK}_blobs_hits_Tall': net 'Tall' takes images of 64 px or more; "
            "with data set 'blobs', plain gives 4, double gives 8",
        ),
    ],
)
def test_what_cannot_be_composed_is_explained(toys, text, error, message):
    with pytest.raises(error) as caught:
        names(toys, text)
    assert str(caught.value) == message


def test_an_unknown_transform_gets_near_matches(toys):
    with pytest.raises(UnknownNameError, match="unknown transform 'plan'. Did you mean 'plain'?"):
        names(toys, TASK, transforms=["plan"])
