"""The main task: real nets of lemur-vision-cls trained on real images."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from lemur_core import data, run, trained
from lemur_core.errors import MisfitError, MissingDataError

SMALL = str(Path(__file__).with_name("faults") / "Good.py")
SHARED = Path(__file__).parents[3] / "shared" / "data"
DIGITS = "img-classification_digits_acc"


def lemur(folder, *arguments):
    command = [sys.executable, "-m", "lemur_core", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_lemur_run_alone_trains_three_nets_on_the_embedded_digits(tmp_path):
    ran = lemur(tmp_path, "run")
    assert ran.returncode == 0, ran.stderr
    frame = data(db=tmp_path / "lemur.db")
    assert sorted(set(frame["nn"])) == ["ShuffleNet", "SqueezeNet-1", "SqueezeNet-2"]
    assert set(frame["dataset"]) == {"digits"}
    assert len(frame) == 3 * 3 * 5
    ranked = frame.sort_values(["validation", "epoch"], ascending=False)
    chosen = ranked.drop_duplicates("nn")
    assert chosen["accuracy"].max() >= 0.95
    assert chosen["accuracy"].min() >= 0.85
    for net, accuracy in zip(chosen["nn"], chosen["accuracy"], strict=True):
        assert f"{net} " in ran.stdout.rpartition("hyperparameters")[2]
        assert f"{accuracy:.4f}" in ran.stdout.rpartition("hyperparameters")[2]


def test_the_same_command_gives_the_same_numbers_in_another_process(tmp_path):
    results = []
    for name in ("one.db", "two.db"):
        ran = lemur(
            tmp_path, "run", f"{DIGITS}_SqueezeNet-1", "-t", 1, "-e", 1, "--threads", 1,
            "--batch", 64, "--seed", 3, "--db", name, "-q",
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        frame = data(db=tmp_path / name)
        results.append(frame[["accuracy", "validation", "loss", "prm"]].to_dict("records"))
    assert results[0] == results[1]
    assert len(results[0]) == 1


def test_additional_metrics_are_recorded(tmp_path):
    settings = {"net": SMALL, "dataset": "digits", "transform": "norm_32", "trials": 1, "epochs": 2}
    fixed = {"lr": 0.03, "momentum": 0.9, "batch": 64, "threads": 1}
    run(metric="acc,acc5,f1", db=str(tmp_path / "three.db"), **settings, **fixed)
    run(metric="acc", db=str(tmp_path / "one.db"), **settings, **fixed)
    several, single = data(db=tmp_path / "three.db"), data(db=tmp_path / "one.db")
    assert set(several["metric"]) == {"acc"}
    for split in ("validation", "accuracy"):
        assert list(several[split]) == list(single[split])
    for row in several.itertuples():
        assert list(row.scores) == ["acc5", "f1"]
        for acc, acc5, f1 in zip((row.validation, row.accuracy), *row.scores.values(), strict=True):
            assert 0 < f1 < acc < acc5 <= 1
    assert list(single["scores"]) == [{}, {}]


def test_a_subset_of_a_dataset_is_trained_on_and_recorded_by_its_name(tmp_path):
    summary = run(
        "img-classification_digits[seed=1,classes=3,samples=200]_acc", net=SMALL, trials=1,
        epochs=3, transform="norm_32", lr=0.03, momentum=0.9, batch=16, threads=1,
        db=str(tmp_path / "results.db"),
    )  # fmt: skip
    assert summary.standings[0].accuracy > 0.8
    whole = data(db=tmp_path / "results.db")
    assert set(whole["dataset"]) == {"digits[classes=3,samples=200,seed=1]"}
    named = data(dataset="digits[samples=200,classes=3,seed=1]", db=tmp_path / "results.db")
    assert len(named) == len(whole) == 3


def test_a_net_that_is_trained_on_some_classes_knows_which(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names, shades = ("ant", "bee", "cat", "dog"), (0, 80, 160, 240)
    # With seed 0, ant, bee and dog are kept, and of the bees as many as there are dogs.
    for name, shade, count in zip(names, shades, (6, 20, 9, 10), strict=True):
        for split, some in (("train", count), ("test", 4)):
            folder = tmp_path / "folder" / split / name
            folder.mkdir(parents=True)
            for number in range(some):
                Image.new("L", (32, 32), shade + number % 5).save(folder / f"{number}.png")
    run(
        "img-classification_folder[balanced,classes=3]_acc", net=SMALL, trials=1, epochs=1,
        transform="norm_32", lr=0.01, momentum=0.9, batch=16, threads=1, data=".",
    )  # fmt: skip
    [row] = data().itertuples()
    assert row.dataset == "folder[classes=3,balanced]"
    assert trained("last", data=".").class_names == ("ant", "bee", "dog")
    shown = lemur(tmp_path, "show", "trial", "last", "--no-source").stdout
    assert "\nclasses     ant, bee, dog\n" in shown
    table = lemur(tmp_path, "show", "loader", "folder[classes=3,balanced]", "--data", ".").stdout
    lines = [line.split() for line in table.splitlines()]
    sizes = [int(train) + int(held) for _, _, train, held, _ in lines[-4:-1]]
    assert [line[1] for line in lines[-4:-1]] == ["ant", "bee", "dog"]
    assert sizes == [6, 10, 10]


@pytest.mark.parametrize("transform", ["mixup_32", "cutmix_32"])
def test_a_net_learns_from_mixed_images(tmp_path, transform):
    summary = run(
        DIGITS, net=SMALL, transform=transform, trials=1, epochs=5, lr=0.1, momentum=0.9,
        batch=16, threads=1, db=str(tmp_path / "results.db"),
    )  # fmt: skip
    assert summary.standings[0].accuracy > 0.7


def test_a_net_that_needs_larger_images_than_any_transform_makes_is_an_error(tmp_path):
    with pytest.raises(MisfitError) as caught:
        run(f"{DIGITS}_AlexNet", transform="norm_32,echo", db=str(tmp_path / "results.db"))
    assert str(caught.value) == (
        f"'{DIGITS}_AlexNet': net 'AlexNet' takes images of 64 px or more; "
        "with dataset 'digits', norm_32 gives 32, echo gives 8"
    )


def test_mnist_without_its_files_names_them_and_how_to_get_them(tmp_path):
    with pytest.raises(MissingDataError) as caught:
        run("img-classification_mnist-10k_acc_ResNet", data=tmp_path, db=str(tmp_path / "r.db"))
    assert str(caught.value) == (
        f"dataset 'mnist-10k': {tmp_path / 'mnist'} lacks t10k-images-idx3-ubyte, "
        "t10k-labels-idx1-ubyte (or .gz); get it with --download, or set --data to its folder"
    )


@pytest.mark.skipif(not (SHARED / "mnist").is_dir(), reason="MNIST's files are not here")
def test_a_real_net_learns_mnists_own_images(tmp_path):
    summary = run(
        "img-classification_mnist-10k_acc_SqueezeNet-1", trials=1, epochs=1, lr=5e-4,
        momentum=0.9, batch=32, dropout=0, transform="norm_32",
        data=SHARED, db=str(tmp_path / "results.db"),
    )  # fmt: skip
    assert summary.standings[0].accuracy > 0.8


@pytest.fixture
def photographs(tmp_path):
    """A folder of two classes, with one truncated file."""
    from PIL import Image

    for name, level in (("dark", 20), ("bright", 230)):
        for number in range(20):
            file = tmp_path / "photographs" / name / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40 + number, 36), (level + number // 2, level, level)).save(file)
    broken = tmp_path / "photographs" / "dark" / "7.png"
    broken.write_bytes(broken.read_bytes()[:60])
    return broken


def on_photographs(warm, folder, *flags):
    pipeline = "img-classification_folder_acc_SqueezeNet-1"
    return warm.run(
        folder, "run", pipeline, "--data", "photographs", "-t", 1, "-e", 1, "-a", 1,
        "--transform", "norm_32", "--batch", 8, *flags,
    )  # fmt: skip


def test_a_corrupt_file_ends_the_run_and_is_named(tmp_path, photographs, warm):
    ran = on_photographs(warm, tmp_path)
    assert ran.returncode == 2, ran.stderr
    last = ran.stderr.splitlines()[-1]
    place = photographs.relative_to(tmp_path)
    assert last.startswith(f"lemur: error: {place} cannot be decoded: ")
    assert last.endswith("; repair or remove it, or leave out corrupt files with --skip-corrupt")
    assert "Traceback" not in ran.stderr


def test_a_corrupt_file_is_left_out_on_request(tmp_path, photographs, warm):
    ran = on_photographs(warm, tmp_path, "--skip-corrupt")
    assert ran.returncode == 0, ran.stderr
    place = photographs.relative_to(tmp_path)
    warning = f"dataset 'folder': 1 file cannot be decoded, left out: {place}"
    assert f"lemur: warning: {warning}" in ran.stderr.splitlines()
    assert len(data(db=tmp_path / "lemur.db")) == 1
