from dataclasses import replace

import pytest

from lemur_core import Entry
from lemur_core.composition import compose, dataset_named, demo
from lemur_core.errors import MisfitError, PatternError, SettingsError, UnknownNameError
from lemur_core.pattern import Pattern, pattern_of
from lemur_core.registry import Registry
from lemur_core.train.data import Bundles

TASK = "img-classification"
LETTERS = "expected letters, digits and . - (+ between several values)"


def names(toys, *texts, transforms=(), only=None):
    patterns = [Pattern.parse(text) for text in texts]
    return [pipeline.name for pipeline in compose(toys, patterns, transforms, only)]


def test_full_name_selects_one_pipeline(toys):
    assert names(toys, f"{TASK}_blobs_hits_Linear") == [f"{TASK}_blobs_hits_Linear"]


def test_first_parts_match_all_remaining_parts(toys):
    nets = ("Diverges", "Exits", "Picky", "Raises", "Linear")
    assert names(toys, f"{TASK}_blobs") == [f"{TASK}_blobs_hits_{net}" for net in nets]


@pytest.mark.parametrize("text", ["*_blobs_*_{Linear,Raises}", "img-*_b?obs_hits_*i*a[rs]*"])
def test_wildcards_and_braces_select_names(toys, text):
    selected = set(names(toys, text))
    assert f"{TASK}_blobs_hits_Linear" in selected
    assert f"{TASK}_blobs_hits_Exits" not in selected
    assert not any("absent" in name for name in selected)


def test_pipelines_have_the_order_of_patterns_and_no_duplicates(toys):
    given = (f"{TASK}_blobs_hits_Raises", f"{TASK}_blobs_hits_{{Linear,Raises}}")
    assert names(toys, *given) == [f"{TASK}_blobs_hits_Raises", f"{TASK}_blobs_hits_Linear"]


def test_a_filter_narrows_a_pattern_and_never_widens_it(toys):
    only = pattern_of({"net": ["Linear,Exits"]})
    assert names(toys, f"{TASK}_blobs_hits_{{Linear,Raises}}", only=only) == [
        f"{TASK}_blobs_hits_Linear"
    ]


def test_full_entry_name_works_even_if_the_short_one_is_unambiguous(toys):
    only = pattern_of({"net": ["toy/Linear"], "dataset": ["toy/blobs"]})
    assert names(toys, TASK, only=only) == [f"{TASK}_blobs_hits_Linear"]


def test_transforms_that_are_too_small_for_the_net_are_left_out(toys):
    toys = toys.with_entries("big", "net", [Entry("Eight", "lemur_toy.nets.Linear", min_size=8)])
    [pipeline] = compose(toys, [Pattern.parse(f"{TASK}_blobs_hits_Eight")])
    assert list(pipeline.transforms) == ["double"]


def test_demo_consists_of_entries_marked_as_demo(toys):
    [pipeline] = demo(toys)
    assert pipeline.name == f"{TASK}_blobs_hits_Linear"
    assert list(pipeline.transforms) == ["plain"]


def test_demo_uses_the_dataset_with_the_smallest_images(toys):
    data = [
        Entry(name, "lemur_toy.data:blobs", (TASK,), size=size, demo=True)
        for name, size in (("unknown", None), ("large", 64), ("small", 2))
    ]
    more = toys.with_entries("more", "loader", data[:2])
    assert [pipeline.dataset for pipeline in demo(more)] == ["blobs"]
    more = toys.with_entries("more", "loader", data)
    assert [pipeline.dataset for pipeline in demo(more)] == ["small"]


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
            "unknown dataset 'zebra'; there are absent, blobs, words",
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
            "or its first parts, without empty parts",
        ),
        (
            "a__b",
            PatternError,
            "pattern 'a__b' has 3 parts; expected task_dataset_metric_net "
            "or its first parts, without empty parts",
        ),
        ("{a,b", PatternError, "pattern '{a,b': braces do not match; expected {a,b}"),
        (
            "*_*_*_Z*",
            PatternError,
            "'*_*_*_Z*': no pipeline of the installed entries matches; "
            "lemur list shows the entries",
        ),
        (
            "txt-generation_blobs",
            MisfitError,
            "'txt-generation_blobs_*_*': dataset 'blobs' serves img-classification only; "
            "for txt-generation there is words",
        ),
        (
            f"{TASK}_blobs_hits_Tall",
            MisfitError,
            f"'{TASK}_blobs_hits_Tall': net 'Tall' takes images of 64 px or more; "
            "with dataset 'blobs', plain gives 4, double gives 8",
        ),
    ],
)
def test_impossible_pattern_is_explained(toys, text, error, message):
    with pytest.raises(error) as caught:
        names(toys, text)
    assert str(caught.value) == message


def test_an_unknown_transform_gets_near_matches(toys):
    with pytest.raises(UnknownNameError, match="unknown transform 'plan'. Did you mean 'plain'?"):
        names(toys, TASK, transforms=["plan"])


def transforms_of(toys, text, asked=()):
    [pipeline] = compose(toys, [Pattern.parse(text)], asked)
    return list(pipeline.transforms)


@pytest.fixture
def sized(toys):
    """Transforms of several sizes, an opt-in one, and one for a complex net."""
    plain = "lemur_toy.transforms:plain"
    entries = [Entry(f"to_{size}", plain, size=size) for size in (32, 64, 128, 224, 256)]
    entries += [Entry("mix_32", plain, size=32, opt_in=True)]
    entries += [Entry(f"random_{size}", plain, size=size, random=True) for size in (32, 64)]
    entries += [Entry("random_complex_64", plain, size=64, dtype="complex64", random=True)]
    entries += [Entry("complex_32", plain, size=32, dtype="complex64")]
    toys = toys.with_entries("more", "transform", entries)
    nets = [
        Entry("Large", "lemur_toy.nets.Linear", min_size=75),
        Entry("Complex", "lemur_toy.nets.Linear", dtype="complex64"),
        Entry("LargeComplex", "lemur_toy.nets.Linear", dtype="complex64", min_size=64),
    ]
    toys = toys.with_entries("nets", "net", nets)
    loaders = [
        Entry("small", "lemur_toy.data:load", (TASK,), size=40),
        Entry("varied", "lemur_toy.data:load", (TASK,)),
    ]
    return toys.with_entries("data", "loader", loaders)


@pytest.mark.parametrize(
    ("dataset", "net", "expected"),
    [
        ("small", "Linear", ["plain", "to_64"]),
        ("small", "Large", ["to_128"]),
        ("varied", "Linear", ["to_224"]),
        ("blobs", "Linear", ["to_32"]),
        ("blobs", "Complex", ["complex_32"]),
    ],
)
def test_smallest_sufficient_size_that_the_net_accepts_is_searched(sized, dataset, net, expected):
    assert transforms_of(sized, f"{TASK}_{dataset}_hits_{net}") == expected


def test_named_transforms_are_used_whatever_their_size(sized):
    asked = ["to_256", "mix_32", "plain", "random_64"]
    assert set(transforms_of(sized, f"{TASK}_small_hits_Linear", asked)) == set(asked)


def test_random_transforms_are_searched_if_a_wildcard_matches_them(sized):
    asked = transforms_of(sized, f"{TASK}_small_hits_Linear", ["random_*"])
    assert asked == ["random_32", "random_64"]


def test_random_transforms_must_be_named_even_if_no_other_fits(sized):
    with pytest.raises(MisfitError) as caught:
        transforms_of(sized, f"{TASK}_small_hits_LargeComplex")
    assert str(caught.value) == (
        f"'{TASK}_small_hits_LargeComplex': the transforms that fit net 'LargeComplex' draw random "
        "numbers and must be named, as in --transform random_complex_64"
    )


def test_complex_net_rejects_real_inputs(sized):
    with pytest.raises(MisfitError) as caught:
        transforms_of(sized, f"{TASK}_blobs_hits_Complex", ["to_32"])
    assert str(caught.value) == (
        f"'{TASK}_blobs_hits_Complex': net 'Complex' takes complex64; to_32 gives something else"
    )


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("blobs[samples=20]", "blobs[samples=20]"),
        ("bl*[seed=1,samples=20]", "blobs[samples=20,seed=1]"),
        ("blobs[classes=2,seed=0]", "blobs[classes=2]"),
        ("blobs[balanced]", "blobs[balanced]"),
        ("bl*[ balanced ]", "blobs[balanced]"),
        (
            "blobs[seed=1,samples=20,balanced,classes=2]",
            "blobs[classes=2,balanced,samples=20,seed=1]",
        ),
        ("b[kl]obs", "blobs"),
        ("blobs[validation=.2]", "blobs[validation=0.2]"),
        ("blobs[validation=0.10, samples=20]", "blobs[samples=20,validation=0.1]"),
    ],
)
def test_dataset_name_can_contain_a_restriction(toys, given, named):
    assert names(toys, f"{TASK}_{given}_hits_Linear") == [f"{TASK}_{named}_hits_Linear"]
    only = pattern_of({"dataset": [given]})
    assert names(toys, f"{TASK}_*_hits_Linear", only=only) == [f"{TASK}_{named}_hits_Linear"]


def test_one_dataset_is_named_as_it_is_recorded(toys):
    text = "blobs[test=4, samples=8]"
    assert dataset_named(toys, text, TASK, "hits") == "blobs[samples=8,test=4]"


@pytest.mark.parametrize("text", ["blob*", "b?obs", "{blobs,lines}", "*"])
def test_a_pattern_names_no_single_dataset(toys, text):
    with pytest.raises(SettingsError, match="is a pattern; expected the name of one dataset"):
        dataset_named(toys, text, TASK, "hits")


def test_whole_dataset_and_a_subset_are_different_pipelines(toys):
    given = f"{TASK}_{{blobs,blobs[samples=20]}}_hits_Linear"
    assert [name.split("_")[1] for name in names(toys, given)] == ["blobs", "blobs[samples=20]"]


def test_restrictions_that_differ_exclude_each_other(toys):
    only = pattern_of({"dataset": ["blobs[samples=10]"]})
    with pytest.raises(PatternError, match="no pipeline of the installed entries matches"):
        names(toys, f"{TASK}_blobs[samples=20]_hits_Linear", only=only)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("blobs[sample=3]", "unknown restriction 'sample'. Did you mean 'samples'?"),
        ("blobs[samples=few]", "samples is 'few'; expected 2 or more"),
        ("blobs[classes=1]", "classes is '1'; expected 2 or more"),
        (f"blobs[samples={'9' * 5000}]", f"samples is '{'9' * 5000}'; expected 2 or more"),
        *(
            (
                f"blobs[validation={share}]",
                f"validation is {share!r}; expected a share between 0 and 1, as in 0.2",
            )
            for share in ("0", "1", "0.0", "2", "20%", "-0.1", "0.00001", "nan", "", "0.2.1")
        ),
        (
            "blobs[balanced=1]",
            "balanced is '1'; expected no value, as in [balanced,samples=1000]",
        ),
        ("blobs[balanced,balanced]", "balanced is given twice"),
        (
            "blobs[balance,samples=5]",
            "'balance' has no value; expected balance=VALUE, or balanced",
        ),
        ("blobs[balance]", "unknown restriction 'balance'. Did you mean 'balanced'?"),
        ("blobs[seed=3,validation=0.2]", "a seed alone restricts nothing; add samples=N"),
        ("blobs[seed=3]", "a seed alone restricts nothing; add samples=N"),
    ],
)
def test_invalid_restriction_is_reported(toys, given, message):
    with pytest.raises(PatternError) as caught:
        names(toys, f"{TASK}_{given}_hits_Linear")
    assert str(caught.value) == f"dataset {given!r}: {message}"


@pytest.fixture
def optional(toys):
    """A loader with options, in addition to those without."""
    entry = Entry("shapes", "lemur_toy.data:shapes", (TASK,), options=("kinds", "min-size"))
    return toys.with_entries("shaped", "loader", [entry])


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("shapes[samples=20,kinds=round]", "shapes[kinds=round,samples=20]"),
        (
            "shapes[min-size=3, kinds = square+round+square]",
            "shapes[kinds=round+square,min-size=3]",
        ),
        ("sha*[kinds=17]", "shapes[kinds=17]"),
        ("shaped/shapes[kinds=17]", "shapes[kinds=17]"),
        ("*[kinds=17]", "shapes[kinds=17]"),
    ],
)
def test_loader_option_is_part_of_the_dataset_name(optional, given, named):
    assert names(optional, f"{TASK}_{given}_hits_Linear") == [f"{TASK}_{named}_hits_Linear"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("shapes[kind=round]", "unknown restriction 'kind'. Did you mean 'kinds'?"),
        ("shapes[kinds=round,sample=3]", "unknown restriction 'sample'. Did you mean 'samples'?"),
        (
            "blobs[kinds=round]",
            "unknown restriction 'kinds'; there are classes, balanced, samples, test, seed, "
            "validation, folds, fold",
        ),
        (
            "*[zebra=1]",
            "unknown restriction 'zebra'; there are classes, balanced, samples, test, seed, "
            "validation, folds, fold, kinds, min-size",
        ),
        (
            "shapes[kinds=]",
            "kinds is ''; expected letters, digits and . - (+ between several values)",
        ),
        (
            "shapes[kinds=a/b]",
            "kinds is 'a/b'; expected letters, digits and . - (+ between several values)",
        ),
        (
            "shapes[Kinds=1]",
            "'Kinds' is not a valid name; expected classes, balanced, samples, test, seed, "
            "validation, folds, fold or an option of its loader",
        ),
        ("shapes[kinds=a,kinds=b]", "kinds is given twice"),
        ("shapes[kinds=a,seed=1]", "a seed alone restricts nothing; add samples=N"),
    ],
)
def test_invalid_loader_option_is_reported(optional, given, message):
    with pytest.raises(PatternError) as caught:
        names(optional, f"{TASK}_{given}_hits_Linear")
    assert str(caught.value) == f"dataset {given!r}: {message}"


def test_option_size_sets_the_size_of_the_images(toys):
    entry = Entry("drawn", "lemur_toy.data:shapes", (TASK,), size=128, options=("size",))
    known = toys.with_entries("drawings", "loader", [entry])

    def size(dataset):
        [made] = compose(known, [Pattern.parse(f"{TASK}_{dataset}_hits_Linear")])
        return made.loader_entry.size

    assert (size("drawn"), size("drawn[size=256]")) == (128, 256)
    # The loader reports the invalid value.
    assert size("drawn[size=large]") == size(f"drawn[size={'9' * 5000}]") == 128


def test_bundles_of_different_options_are_different(optional, tmp_path):
    bundles = Bundles(tmp_path)
    means = []
    for given in ("shapes", "shapes[kinds=round]", "shapes[kinds=round,min-size=3,samples=9]"):
        [pipeline] = compose(optional, [Pattern.parse(f"{TASK}_{given}_hits_Linear")])
        bundle = bundles.get(pipeline)
        means.append((bundle.normalisation.mean, len(bundle.train) + len(bundle.validation)))
    assert means == [((1.0,), 64), ((2.0,), 64), ((6.0,), 9)]


def test_comma_separated_metrics_are_all_recorded(toys):
    toys = toys.with_entries("more", "metric", [Entry("other", "lemur_toy.metrics:Hits")])
    [pipeline] = compose(toys, [Pattern.parse(f"{TASK}_blobs_hits,other_Linear")])
    assert (pipeline.name, list(pipeline.also)) == (f"{TASK}_blobs_hits_Linear", ["other"])
    only = pattern_of({"metric": ["hits,other"], "net": ["Linear"]})
    [*pipelines] = compose(toys, [only])
    assert all(list(composed.also) == ["other"] for composed in pipelines)
    assert len(compose(toys, [Pattern.parse(f"{TASK}_blobs_{{hits,other}}_Linear")])) == 2


def test_unknown_additional_metric_is_reported(toys):
    with pytest.raises(UnknownNameError, match="unknown metric 'hit'. Did you mean 'hits'?"):
        names(toys, f"{TASK}_blobs_hits,hit_Linear")


@pytest.fixture
def sampled(toys):
    """Two opt-in nets; a plugin can register hundreds, for example from a design space."""
    target = toys.get("net", "Linear").target
    nets = [Entry(f"Sampled-{number}", target, (TASK,), opt_in=True) for number in (1, 2)]
    return toys.with_entries("space", "net", nets)


def test_opt_in_net_is_used_only_if_named_in_full(sampled):
    assert not any("Sampled" in name for name in names(sampled, TASK, "*_*_*_*", "*_*_*_*i*"))
    assert names(sampled, f"{TASK}_blobs_hits_Sampled-1") == [f"{TASK}_blobs_hits_Sampled-1"]
    assert names(sampled, f"{TASK}_blobs_hits_space/Sampled-2") == [f"{TASK}_blobs_hits_Sampled-2"]
    assert names(sampled, f"{TASK}_blobs", only=Pattern(net=("Sampled-2",))) == [
        f"{TASK}_blobs_hits_Sampled-2"
    ]
    both = f"{TASK}_blobs_hits_{{Sampled-1,Sampled*}}"
    assert names(sampled, both) == [f"{TASK}_blobs_hits_Sampled-1"]


def test_demo_contains_no_opt_in_net(toys):
    target = toys.get("net", "Linear").target
    shown = Entry("Sampled", target, (TASK,), opt_in=True, demo=True)
    assert [shown.net for shown in demo(toys.with_entries("space", "net", [shown]))] == ["Linear"]


def test_wildcard_matching_only_opt_in_nets_is_explained(sampled):
    with pytest.raises(PatternError) as raised:
        names(sampled, f"{TASK}_blobs_hits_Sampled*")
    assert str(raised.value) == (
        f"'{TASK}_blobs_hits_Sampled*': matches only opt-in nets, which are trained only if they "
        "are named in full: Sampled-1, Sampled-2"
    )


@pytest.fixture
def scored(toys):
    """Two more metrics, one of them for any task."""
    metrics = [Entry("hits5", "lemur_toy.data:Hits", (TASK,)), Entry("any", "lemur_toy.data:Hits")]
    return toys.with_entries("more", "metric", metrics)


@pytest.mark.parametrize(
    ("text", "metric", "expected"),
    [
        (f"{TASK}_blobs", (), {"hits"}),
        (TASK, ("hits5",), {"hits5"}),
        (f"{TASK}_blobs_*", (), {"any", "hits", "hits5"}),
        (f"{TASK}_blobs", ("*",), {"any", "hits", "hits5"}),
        (f"{TASK}_blobs", ("hits*",), {"hits", "hits5"}),
    ],
)
def test_a_missing_metric_is_the_first_of_the_task(scored, text, metric, expected):
    only = Pattern(dataset=("blobs",), metric=metric, net=("Linear",))
    assert {name.split("_")[2] for name in names(scored, text, only=only)} == expected


def test_the_metric_of_the_demo_is_the_first(toys):
    first = Registry()
    first.plugins["aa"] = replace(toys.plugins["toy"], entries={"metric": [Entry("any", "a:b")]})
    first.plugins |= toys.plugins
    assert {composed.metric for composed in compose(first, [Pattern.parse(f"{TASK}_blobs")])} == {
        "hits"
    }
