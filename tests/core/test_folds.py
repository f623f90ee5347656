"""Cross-validation: disjoint folds that cover the training split, and their scores averaged."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.model_selection import KFold, StratifiedKFold

import lemur_core
from lemur_core import data
from lemur_core.cli.leaderboard import closing_text
from lemur_core.errors import MisfitError, PatternError, SettingsError
from lemur_core.kinds.loader import DataBundle, InMemory
from lemur_core.restriction import split, with_fold, without_fold
from lemur_core.settings import Settings
from lemur_core.train.folds import fold_of_each, with_validation_split

LINEAR = "img-classification_blobs_hits_Linear"
run = partial(lemur_core.run, in_process=True, threads=1)


@pytest.fixture
def db(tmp_path):
    return str(tmp_path / "results.db")


def counts_of_sklearn(splitter, targets):
    folds = splitter.split(np.zeros(len(targets)), targets)
    return [np.bincount(targets[held_out], minlength=3) for _, held_out in folds]


@pytest.mark.parametrize("folds", [2, 3, 5, 7])
@pytest.mark.parametrize("samples", [30, 31, 100, 143])
def test_folds_have_the_sizes_of_scikit_learns(samples, folds):
    assigned = fold_of_each(samples, folds, 0).numpy()
    expected = [len(held_out) for _, held_out in KFold(folds).split(np.zeros(samples))]
    assert sorted(np.bincount(assigned, minlength=folds)) == sorted(expected)


@pytest.mark.parametrize("folds", [2, 3, 5, 7])
@pytest.mark.parametrize("samples", [30, 31, 100, 143])
def test_folds_are_stratified_as_evenly_as_scikit_learns(samples, folds):
    targets = torch.multinomial(
        torch.tensor([0.6, 0.3, 0.1]), samples, True, generator=torch.Generator().manual_seed(1)
    )
    # scikit-learn warns of classes with fewer samples than folds.
    targets[: 3 * folds] = torch.arange(3 * folds) % 3
    assigned = fold_of_each(samples, folds, 0, targets)
    counts = [np.bincount(targets[assigned == fold], minlength=3) for fold in range(folds)]
    expected = counts_of_sklearn(StratifiedKFold(folds), targets.numpy())
    assert np.ptp(counts, axis=0).max() <= 1
    assert sorted(np.sum(counts, axis=1)) == sorted(np.sum(expected, axis=1))
    assert np.sort(counts, axis=0).tolist() == np.sort(expected, axis=0).tolist()


def bundle_of(samples=23, validation=None):
    inputs = torch.arange(samples)
    test = InMemory(inputs[:2], inputs[:2] % 2)
    train = InMemory(inputs, (inputs > samples // 3).to(torch.int64))
    return DataBundle(train, test, (2,), 0.5, validation=validation)


def parts(bundle, name):
    divided = with_validation_split(bundle, split(name)[1], name)
    return divided.train.inputs.tolist(), divided.validation.inputs.tolist()


def test_each_sample_is_validated_once_and_trained_on_otherwise():
    validated = []
    for fold in range(1, 5):
        train, validation = parts(bundle_of(), f"a[folds=4,fold={fold}]")
        assert sorted(train + validation) == list(range(23))
        validated += validation
    assert sorted(validated) == list(range(23))


def test_folds_are_the_same_each_time_and_depend_on_the_seed():
    first = parts(bundle_of(), "a[folds=4,fold=2]")
    assert parts(bundle_of(), "a[folds=4,fold=2]") == first
    assert parts(bundle_of(), "a[folds=4,fold=2,seed=1]") != first


def test_folds_of_samples_that_are_read_from_files_are_stratified():
    class Files:
        targets = [number % 2 for number in range(20)]

        def __len__(self):
            return 20

        def __getitem__(self, index):
            return index, self.targets[index]

    bundle = bundle_of()
    bundle = DataBundle(Files(), bundle.test, (2,), 0.5)
    divided = with_validation_split(bundle, split("a[folds=5,fold=1]")[1], "a")
    assert sorted(target for _, target in divided.validation) == [0, 0, 1, 1]


def test_a_validation_split_of_its_own_is_not_replaced():
    with pytest.raises(MisfitError, match="has a validation split of its own; leave out folds=4"):
        parts(bundle_of(validation=bundle_of().test), "a[folds=4,fold=2]")


def test_more_folds_than_samples_are_refused():
    with pytest.raises(MisfitError, match="3 training samples cannot be divided into 4 folds"):
        parts(bundle_of(3), "a[folds=4,fold=2]")


@pytest.mark.parametrize("limits", ["folds=4", "fold=1", "folds=4,fold=5", "seed=1,fold=2"])
def test_a_fold_needs_the_number_of_folds(limits):
    with pytest.raises(PatternError, match="expected folds and one of them, as in folds=5,fold=1"):
        split(f"a[{limits}]")


def test_folds_and_a_share_exclude_each_other():
    with pytest.raises(PatternError, match="validation and folds exclude each other"):
        split("a[folds=4,fold=2,validation=0.2]")
    with pytest.raises(PatternError, match="already says what is held out"):
        with_fold("a[validation=0.2]", 1, 3)
    with pytest.raises(SettingsError, match="^folds and validation exclude each other"):
        Settings(folds=3, validation=0.2)
    with pytest.raises(SettingsError, match="^folds is 1; expected 2 or more$"):
        Settings(folds=1)


def test_a_fold_is_part_of_the_name():
    assert str(split("a[fold=2,samples=50,folds=3]")[1]) == "[samples=50,folds=3,fold=2]"
    assert without_fold("a[samples=50,folds=3,fold=2]") == "a[samples=50]"


def test_each_pipeline_is_trained_once_for_each_fold_and_averaged(db):
    summary = run(LINEAR, folds=3, trials=1, epochs=2, db=db)
    frame = data(db=db)
    assert sorted(frame["dataset"].unique()) == [
        f"blobs[folds=3,fold={fold}]" for fold in (1, 2, 3)
    ]
    # The folds are compared with the same hyperparameters.
    assert len({tuple(sorted(prm.items())) for prm in frame["prm"]}) == 1
    ordered = frame.sort_values(["validation", "epoch"], kind="stable")
    best = ordered.groupby("dataset").tail(1)
    text = closing_text(summary, 1.0)
    for column in ("accuracy", "validation"):
        assert f"{best[column].mean():.4f} ± {best[column].std():.4f}" in text
    assert "  3 of 3\n" in text
    assert f"{LINEAR.rpartition('_')[0]}: mean ± standard deviation over the folds\n" in text


def test_the_same_command_trains_no_fold_again(db):
    run(LINEAR, folds=2, trials=1, epochs=1, db=db)
    assert run(LINEAR, folds=2, trials=1, epochs=1, db=db).states == {}


def test_folds_of_different_divisions_are_not_averaged(db):
    summary = run(LINEAR, folds=2, trials=1, epochs=1, db=db)
    first, second = summary.standings
    other = second.pipeline.replace("folds=2", "folds=3")
    summary.standings = [first, replace(second, pipeline=other)]
    assert "over the folds" not in closing_text(summary, 1.0)


def test_an_average_says_that_a_fold_was_continued(db):
    summary = run(LINEAR, folds=2, trials=1, epochs=1, db=db)
    assert "  2 of 2\n" in closing_text(summary, 1.0)
    first, second = summary.standings
    longer = replace(first, prm={**first.prm, "continues": f"{first.uid}:1"})
    summary.standings = [longer, second]
    assert "  2 of 2, 1 continued\n" in closing_text(summary, 1.0)


def test_without_folds_there_is_no_average(db):
    board, _, _ = closing_text(run(LINEAR, trials=1, epochs=1, db=db), 1.0).partition("trials:")
    assert "fold" not in board
