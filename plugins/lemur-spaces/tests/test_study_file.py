"""A study's file is read, and what is wrong with it is said before anything is trained."""

from dataclasses import replace
from pathlib import Path

import pytest

import lemur_core
from lemur_core.errors import LemurError, MisfitError, SettingsError
from lemur_spaces.study.pipelines import pipeline_of, samples_of
from lemur_spaces.study.prepare import prepare

from .studies import FILE, FIRST, ONE_DATASET, command_line, study

pytestmark = pytest.mark.usefixtures("here")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("count = 3", "", "[population] lacks 'count'; expected an integer"),
        ("count = 3", "count = 0", "[population]: count is 0; expected 1 or more"),
        ("count = 3", "cuont = 3", "[population] has 'cuont'. Did you mean 'count'?"),
        ("px = 8\nchannels", "channels", "[population] lacks 'px'; expected an integer"),
        ("lr = 0.05", "", "[training] lacks 'lr'; all nets are trained with one value"),
        ("lr = 0.05", "lr = [1, 2]", "[training]: lr is [1, 2]; expected a number or a text"),
        (
            "[training]",
            '[pretrained]\non = "mnist"\n[training]',
            "[pretrained]: 'mnist' is not one of the datasets; expected a dataset given once",
        ),
        (
            "[training]",
            "[pretrained]\n[training]",
            "[pretrained] lacks 'on'; expected a text",
        ),
        (
            "[[dataset]]",
            '[pretrained]\non = "digits"\n[[dataset]]\nname = "digits"\npx = 8\n'
            '[[dataset]]\nname = "digits"\npx = 16\n[[dataset]]',
            "[pretrained]: 'digits' is given several times; expected a dataset given once",
        ),
        (
            "lr = 0.05",
            "lr = 0.05\ntraining_error = 1",
            "[training]: training_error is 1; expected true or false",
        ),
        *(
            ("lr = 0.05", f"lr = {text}", f"[training]: lr is {shown}; expected a number")
            for text, shown in (("true", "True"), ('"fast"', "'fast'"))
        ),
        *(
            ("batch = 16", f"batch = {text}", f"[training]: batch is {expected}")
            for text, expected in (
                ('"big"', "'big'; expected an integer"),
                ("16.0", "16.0; expected an integer"),
                ("true", "True; expected an integer"),
                ("0", "0; expected 1 or more"),
            )
        ),
        (
            "lr = 0.05",
            'lr = "1e-3..1e-1"',
            "[training]: lr is '1e-3..1e-1'; expected a single value, and numbers without "
            "quotation marks",
        ),
        (
            "epochs = 1",
            'error = "top-2"',
            "dataset 'digits[classes=5,samples=60,test=40]': error is 'top-2'; expected top-1 or "
            "top-5",
        ),
        (
            "epochs = 1",
            'error = "top-1+top-1"',
            "dataset 'digits[classes=5,samples=60,test=40]': error is 'top-1+top-1'; expected "
            "top-1 or top-5",
        ),
        (
            "[[dataset]]",
            "[noise]\nnets = 2\n[[dataset]]",
            "[noise] lacks 'seeds'; expected an integer",
        ),
        (
            "[[dataset]]",
            "[longer]\ntimes = 0\n[[dataset]]",
            "[longer]: times is 0; expected 1 or more",
        ),
        (
            "epochs = 1",
            'transform = "norm_32"',
            "dataset 'digits[classes=5,samples=60,test=40]': transform 'norm_32' does not name the "
            "size of 8 px; write 'norm_{px}'",
        ),
        (
            '"digits[classes=5,samples=60,test=40]"\npx = 8\nepochs = 1',
            '"digits[samples=60,test=40]"\npx = 8',
            "dataset 'digits[samples=60,test=40]' is given twice with equal settings",
        ),
        (
            '"digits[classes=5,samples=60,test=40]"\npx = 8\nepochs = 1',
            '"digits[samples=60,test=40]"\npx = 8\nerror = "top-1+top-5"',
            "dataset 'digits[samples=60,test=40]' is given twice with equal settings",
        ),
        *(
            (
                '"digits[classes=5,samples=60,test=40]"\npx = 8\nepochs = 1',
                f'"{again}"\npx = 8',
                "dataset 'digits[samples=60,test=40]' is given twice with equal settings",
            )
            for again in ("digits[test=40,samples=60]", "digits[samples=60, test=40, seed=0]")
        ),
        (
            "epochs = 1",
            'transform = "norm_28"',
            "dataset 'digits[classes=5,samples=60,test=40]': transform 'norm_28' does not name the "
            "size of 8 px; write 'norm_{px}'",
        ),
        (
            '"digits[samples=60,test=40]"',
            '"dig*"',
            "dataset 'dig*' can be several; expected the name of one",
        ),
        (
            'band = "20e3..90e3"',
            'band = "9..1"',
            "[population] band=9..1: the band is empty; expected the smaller number first",
        ),
    ],
)
def test_wrong_study_is_one_line(old, new, message):
    assert old in FILE
    with pytest.raises(SettingsError) as caught:
        study(FILE.replace(old, new, 1))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("batch = 16", "batch = 1", "ValueError: Expected more than 1 value per channel"),
        (
            "lr = 0.05",
            'lr = 0.05\noptimizer = "adm"',
            "ValueError: optimizer 'adm': expected sgd, adam or adamw",
        ),
        ("lr = 0.05", "lr = -1", "ValueError: Invalid learning rate: -1"),
        (
            "classes = 10",
            "classes = 10\nset = { stem_width = 32.0 }",
            "stem_width=32.0: expected 1 to 4096",
        ),
        (
            "classes = 10",
            "classes = 10\nset = { stride_1 = true }",
            "stride_1=True: expected 1 or 2",
        ),
    ],
)
def test_settings_with_which_no_net_can_be_trained_are_one_line(old, new, message):
    study(ONE_DATASET.replace(old, new, 1))
    with pytest.raises(SettingsError) as caught:
        command_line("study", "small.toml", "--dry-run")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_dataset_has_its_recorded_name_however_it_is_written():
    given = study(FILE.replace("[samples=60,test=40]", "[test=40, samples=60]"))
    assert given.conditions[0].role == FIRST


def test_pretraining_needs_a_second_dataset():
    with pytest.raises(SettingsError) as caught:
        study(ONE_DATASET + '[pretrained]\non = "digits[samples=60,test=40]"\n')
    assert str(caught.value) == (
        "[pretrained] trains on the other datasets; expected a second [[dataset]]"
    )


def test_settings_that_are_too_long_for_a_role_are_refused_before_anything_is_trained():
    long = "\n".join(f"weight_decay_of_layer_{number} = 0.1" for number in range(5))
    with pytest.raises(SettingsError, match=r"which has \d+ characters; expected at most 200"):
        study(FILE.replace("lr = 0.05", f"lr = 0.05\n{long}"))


def test_study_without_datasets_is_one_line():
    with pytest.raises(SettingsError) as caught:
        study(FILE.partition("[[dataset]]")[0])
    assert str(caught.value) == (
        "small.toml has no dataset; expected [[dataset]] tables with a name"
    )


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ("digitz", "unknown dataset 'digitz'"),
        ("coco", "dataset 'coco' serves img-segmentation, obj-detection only"),
        ("digits[classes=2]", "acc5 needs at least 5 classes; the dataset has 2"),
        ("cifar-10", "cifar-10"),
    ],
)
def test_datasets_that_cannot_be_used_are_named_before_anything_is_trained(dataset, message):
    text = FILE.partition("[[dataset]]")[0]
    given = study(f'{text}[[dataset]]\nname = "{dataset}"\npx = 8\nerror = "top-5"\n')
    with pytest.raises(LemurError) as caught:
        prepare(given, "lemur.db", Path("data"), lambda line: None)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("restriction", "size"),
    [("samples=60,test=40", (54, 6 + 40)), ("folds=5,fold=1", (1149, 288 + 360))],
)
def test_size_of_a_dataset_counts_the_validation_split_that_is_held_out(restriction, size):
    [condition] = study(ONE_DATASET.replace("samples=60,test=40", restriction)).conditions
    samples = samples_of(condition, pipeline_of(condition, "AnyNet"), Path("data"))
    assert (samples.trained, samples.scored) == size


def test_images_that_are_too_small_are_refused_before_anything_is_trained():
    text = FILE.replace('"AnyNetX"', '"CNN-10"').replace("px = 8\nchannels", "px = 32\nchannels")
    given = study(text.replace("20e3..90e3", "1e4..9e6").replace("count = 3", "count = 30"))
    small = [replace(condition, px=1) for condition in given.conditions]
    with pytest.raises((SettingsError, MisfitError)):
        prepare(replace(given, conditions=small), "lemur.db", Path("data"), lambda line: None)


def test_collection_that_is_no_study_is_left_alone():
    with lemur_core.recording(
        "img-classification_digits_acc_Net", {"lr": 1.0}, db="lemur.db"
    ) as trial:
        trial.epoch(accuracy=0.5, validation=0.5)
    lemur_core.collect("small", db="lemur.db")
    with pytest.raises(SettingsError) as caught:
        prepare(study(), "lemur.db", Path("data"), lambda line: None)
    assert str(caught.value) == (
        "collection 'small' is a set, not a study of a design space; choose another name"
    )
