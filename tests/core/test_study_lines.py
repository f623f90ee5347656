"""What is said before the trials of a pipeline start."""

from functools import partial

import pytest

import lemur_core
from lemur_core.cli.wording import searched_line, transforms_lines, validation_line
from lemur_core.composition import compose
from lemur_core.errors import MisfitError
from lemur_core.events import StudyStarted, Warned
from lemur_core.pattern import Pattern

LINEAR = "img-classification_blobs_hits_Linear"
run = partial(lemur_core.run, in_process=True, threads=1, epochs=1, trials=1, checkpoint=False)


def pipeline(toys, dataset="blobs"):
    [made] = compose(toys, [Pattern.parse(f"img-classification_{dataset}_hits_Linear")])
    return made


@pytest.mark.parametrize(
    ("searched", "fixed", "line"),
    [
        (
            {"lr": "1e-05..1 log", "batch": "16,32", "transform": "norm_32,echo_32"},
            {"dropout": 0.2},
            "  searched: batch, lr, 2 transforms (norm_32, echo_32); fixed: dropout=0.2",
        ),
        ({"lr": "0..1"}, {}, "  searched: lr"),
        ({}, {"lr": 0.1, "transform": "plain"}, "  fixed: lr=0.1 transform=plain"),
        ({}, {}, ""),
    ],
)
def test_searched_and_fixed_hyperparameters_are_said(toys, searched, fixed, line):
    assert searched_line(StudyStarted(pipeline(toys), 0, 1, 1, fixed, 0, searched)) == line


@pytest.mark.parametrize(
    ("dataset", "samples", "is_held_out", "text"),
    [
        ("blobs", 14, True, "14 samples: scores differ by 7% per sample; use --validation 0.2"),
        ("blobs", 1, True, "1 sample: scores differ by 100% per sample; use --validation 0.2"),
        ("blobs", 49, False, "49 samples: scores differ by 2% per sample"),
        ("blobs[validation=0.2]", 20, True, "20 samples: scores differ by 5% per sample"),
        ("blobs", 50, True, None),
        ("blobs", 0, True, None),
    ],
)
def test_a_small_validation_split_is_warned_of(toys, dataset, samples, is_held_out, text):
    made = pipeline(toys, dataset)
    event = StudyStarted(made, 0, 1, 1, {}, validation=samples, is_held_out=is_held_out)
    expected = f"dataset {dataset!r}: validation split has {text}" if text else ""
    assert validation_line(event) == expected


def test_transforms_are_listed_for_the_pipelines_that_search_them(toys):
    searched = compose(toys, [Pattern.parse("img-classification_blobs_hits_{Linear,Raises}")])
    used = compose(toys, [Pattern.parse(LINEAR)], ["plain"])
    assert [*transforms_lines(searched)] == [
        "2 transforms searched by all pipelines: plain, double"
    ]
    assert [*transforms_lines([*searched, *used])] == [
        "2 transforms searched by 2 pipelines: plain, double",
        "transform used by 1 pipeline: plain",
    ]


def test_a_campaign_says_what_it_searches_and_on_how_many_samples(tmp_path):
    seen = []
    for share in (None, 0.25):
        settings = {} if share is None else {"validation": share}
        run(LINEAR, db=str(tmp_path / "lemur.db"), lr=0.1, watch=seen.append, **settings)
    first, second = [event for event in seen if isinstance(event, StudyStarted)]
    assert first.searched.keys() == {"batch", "momentum", "width", "transform"}
    assert first.searched["transform"] == "plain,double"
    assert (first.fixed["lr"], first.validation, first.is_held_out) == (0.1, 6, True)
    # 64 training samples; trials on the other split do not count.
    assert (second.pipeline.dataset, second.validation) == ("blobs[validation=0.25]", 16)
    assert (second.done, second.trials) == (0, 1)
    frame = lemur_core.data(db=str(tmp_path / "lemur.db"))
    assert sorted(frame["dataset"]) == ["blobs", "blobs[validation=0.25]"]


def test_a_dataset_whose_share_cannot_be_held_out_is_an_error_only_if_it_is_named(tmp_path):
    reason = (
        "dataset 'blobs[samples=2,validation=0.9]': validation=0.9 leaves none of 2 training "
        "samples; use a smaller share"
    )
    db = str(tmp_path / "lemur.db")
    with pytest.raises(MisfitError) as caught:
        run(LINEAR.replace("blobs", "blobs[samples=2]"), validation=0.9, db=db)
    assert str(caught.value) == reason
    seen = []
    given = ["img-classification_{blo*[samples=2],blobs}_hits_Linear"]
    run(*given, validation=0.9, db=db, watch=seen.append)
    assert [event.message for event in seen if isinstance(event, Warned)] == [reason]
