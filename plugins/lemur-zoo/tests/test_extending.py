"""Zoos that are stopped, continued and extended have the numbers of those that are not."""

import json
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import lemur_core
from lemur_core.errors import LemurError, SettingsError
from lemur_vision_cls.loaders.digits import load as load_digits
from lemur_zoo import Zoo
from lemur_zoo.images import load_images, pipeline_of
from lemur_zoo.making import begin, extend_epochs, extend_members, training_of
from lemur_zoo.nets import DRAWING, ZooNet
from lemur_zoo.spec.read import read_spec
from lemur_zoo.storage.folder import ZooFolder
from lemur_zoo.storage.header import ZooError, read_header
from lemur_zoo.storage.lock import locked
from lemur_zoo.training import ZooTraining

from .conftest import SMALL, assert_equal, run, run_with_error, stored


def test_a_zoo_that_is_stopped_continues_with_the_same_numbers(small, spec, images, tmp_path):
    path = tmp_path / "zoo"
    begin(read_spec(spec), path, images)
    assert Zoo(path).epochs == -1
    training = training_of(path, None)
    assert not training.run(2, until=-1.0)
    assert training.run(1)
    # What a command had written of the next epoch when it was killed.
    halfway = Zoo(path)._folder
    writable = np.memmap(
        path / halfway.header.weights_file, "<f4", "r+", shape=halfway.header.weights_shape
    )
    writable[:, 2] = 7.0
    writable.flush()
    zoo = Zoo(path)
    assert zoo.epochs == 1
    assert np.isnan(zoo.scores[:, 2]).all()
    with pytest.raises(ZooError, match=r"member 3 has epochs 0 to 1, not 2"):
        zoo.weights(3, 2)
    output = run("extend", path)
    assert "continues after epoch 1\nepoch 2: median loss" in output
    assert_equal(path, small)


def test_one_group_may_be_ahead_of_the_others(spec, images, tmp_path, small):
    path = tmp_path / "zoo"
    begin(read_spec(spec), path, images)
    training = training_of(path, None)
    training.run(0)
    assert training._step(1, epoch=1, until=None, show=lambda _: None)
    zoo = Zoo(path)
    ahead = zoo.header.groups[1]
    assert {*zoo.last_epochs[list(ahead)]} == {1}
    assert zoo.epochs == 0
    assert zoo.metrics.groupby("member").size()[ahead[0]] == 2
    run("extend", path)
    assert_equal(path, small)


def test_threads_do_not_change_the_numbers(small, spec, tmp_path):
    run("make", spec, "--out", tmp_path / "zoo", "--threads", "2")
    assert_equal(tmp_path / "zoo", small)


def test_threads_do_not_draw_from_the_generator_of_torch_at_the_same_time(
    small, spec, images, monkeypatch
):
    from lemur_zoo import training as module

    held = []

    def is_held():
        with ThreadPoolExecutor(1) as pool:
            free = pool.submit(DRAWING.acquire, blocking=False).result()
            return not (free and pool.submit(DRAWING.release).result() is None)

    def checked(net, shape, original=module.layers_of):
        held.append(is_held())
        return original(net, shape)

    monkeypatch.setattr(module, "layers_of", checked)
    folder = ZooFolder(small, read_header(small))
    net = ZooNet(pipeline_of(read_spec(spec)).net_entry, images.in_shape, images.classes)
    monkeypatch.setattr(
        net, "_module", net._module.__class__(
            lambda *arguments, make=net._module.net: held.append(is_held()) or make(*arguments),
            net._module.hyperparameters,
        )
    )  # fmt: skip
    training = ZooTraining(folder, images, net, folder.header.engine)
    training._engine(0)
    training._initial(0)
    assert len(held) > 2
    assert all(held)


def test_an_interrupted_command_records_its_whole_epochs(small, spec, tmp_path, monkeypatch):
    def interrupted(self, group, *, epoch, step=ZooTraining._step, **others):
        if (group, epoch) == (1, 2):
            raise KeyboardInterrupt
        return step(self, group, epoch=epoch, **others)

    monkeypatch.setattr(ZooTraining, "_step", interrupted)
    path, db = tmp_path / "zoo", tmp_path / "lemur.db"
    output = run("make", spec, "--out", path, "--db", db, status=1)
    assert output.splitlines()[-4:-2] == [
        f"recorded 18 epochs in {db}, 0 were there already",
        f"interrupted after epoch 1; lemur zoo extend {path} continues",
    ]
    counts = lemur_core.data(collection="small", db=db)["epoch"].value_counts()
    assert dict(counts) == {1: 16, 2: 2}
    monkeypatch.undo()
    run("extend", path, "--db", db)
    assert_equal(path, small)
    assert len(lemur_core.data(collection="small", db=db)) == 32


def test_further_epochs_are_those_of_a_longer_training(small, spec, tmp_path):
    run("make", spec, "--out", tmp_path / "zoo", "--epochs", "1")
    output = run("extend", tmp_path / "zoo", "--epochs", "1")
    assert "epoch 2: median loss" in output
    assert "epoch 1:" not in output
    assert_equal(tmp_path / "zoo", small)
    files = sorted(path.name for path in (tmp_path / "zoo").glob("*-*"))
    assert files == ["metrics-2.f64", "weights-2.f32"]


def test_further_members_leave_the_others_as_they_are(copy, small):
    splits = [member.split for member in Zoo(small).population]
    run("extend", copy, "--members", "5")
    zoo = Zoo(copy)
    weights, scores = stored(copy)
    old_weights, old_scores = stored(small)
    np.testing.assert_array_equal(weights[:16], old_weights)
    np.testing.assert_array_equal(scores[:16], old_scores)
    assert [member.split for member in zoo.population[:16]] == splits
    assert [member.seed for member in zoo.population[14:]] == [1, 1, 2, 2, 2, 2, 2]
    assert (zoo.epochs, len(zoo), int(zoo.diverged.sum())) == (2, 21, 0)


def test_a_command_killed_while_it_extends_leaves_the_zoo_as_it_was(copy, small, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("lemur_zoo.storage.folder.write_header", killed)
    for extend in (extend_epochs, extend_members):
        with pytest.raises(KeyboardInterrupt):
            extend(copy, 3)
        assert_equal(copy, small)
    monkeypatch.undo()
    run("extend", copy, "--epochs", "1", "--members", "1")
    assert Zoo(copy).scores.shape == (17, 4, 3, 2)
    np.testing.assert_array_equal(stored(copy)[0][:16, :3], stored(small)[0])


def test_what_most_zoos_do_not_have_is_part_of_their_specification(copy, spec, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text(SMALL.replace("[zoo]\n", '[zoo]\naugment = ["flip"]\n', 1))
    with pytest.raises(ZooError, match=r"holds a zoo with another augment, None, not \('flip',\)"):
        run_with_error("make", other, "--out", copy)
    flipped = tmp_path / "flipped"
    begin(read_spec(other), flipped, load_images(read_spec(other), None))
    with pytest.raises(ZooError, match=r"another augment, \('flip',\), not None"):
        run_with_error("make", spec, "--out", flipped)


def test_the_same_command_goes_on_and_another_specification_is_refused(copy, spec, tmp_path):
    assert "continues after epoch 2" in run("make", spec, "--out", copy)
    other = tmp_path / "other.toml"
    other.write_text(SMALL.replace("3e-3", "1e-3"))
    assert "epoch 3: median loss" in run("make", spec, "--out", copy, "--epochs", "3")
    with pytest.raises(ZooError) as caught:
        run_with_error("make", other, "--out", copy)
    assert str(caught.value) == (
        f"{copy}: holds a zoo with another lr, [0.003], not [0.001]; name another folder with --out"
    )


def files_of(path):
    return {file.name: file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


@pytest.mark.parametrize("arguments", [("extend", "--epochs", "1"), ("extend", "--members", "3")])
@pytest.mark.parametrize("fault", ["images", "engine", "room"])
def test_a_command_that_is_refused_changes_nothing(copy, images, monkeypatch, arguments, fault):
    before = files_of(copy)
    if fault == "images":
        other = images._replace(fingerprint="0")
        monkeypatch.setattr("lemur_zoo.making.load_images", lambda *_: other)
    if fault == "room":
        usage = namedtuple("Usage", "free")(2**20)
        monkeypatch.setattr("lemur_zoo.storage.folder.shutil.disk_usage", lambda _: usage)
    if fault == "engine":
        arguments = (*arguments, "--engine", "lanes")
        monkeypatch.setattr("lemur_zoo.engine.choice.why_no_lanes", lambda *_: "of a test")
    command, *options = arguments
    with pytest.raises(LemurError):
        run_with_error(command, copy, *options, "--db", copy.parent / "lemur.db")
    after = files_of(copy)
    after.pop(".lock", None)
    before.pop(".lock", None)
    assert after == before


def test_epochs_are_not_added_if_there_is_no_room_for_members(copy, monkeypatch):
    size = read_header(copy).size
    usage = namedtuple("Usage", "free")(64 * 2**20 + 3 * size)
    monkeypatch.setattr("lemur_zoo.storage.folder.shutil.disk_usage", lambda _: usage)
    with pytest.raises(SettingsError, match=r"the zoo needs .* GiB"):
        run_with_error("extend", copy, "--epochs", "1", "--members", "100")
    assert read_header(copy).epochs == 2


def test_an_imported_zoo_is_refused_before_it_grows(copy, tmp_path):
    described = json.loads((copy / "zoo.json").read_text())
    (copy / "zoo.json").write_text(json.dumps({**described, "provenance": "elsewhere"}))
    before = files_of(copy)
    with pytest.raises(ZooError, match="is imported, and its members cannot be trained on"):
        run_with_error("extend", copy, "--epochs", "1", "--db", tmp_path / "lemur.db")
    assert files_of(copy) == before | {".lock": files_of(copy)[".lock"]}


def test_a_make_that_is_refused_adds_no_epochs(copy, spec, images, monkeypatch):
    other = images._replace(fingerprint="0")
    monkeypatch.setattr("lemur_zoo.making.load_images", lambda *_: other)
    with pytest.raises(ZooError, match="were trained on other images"):
        run_with_error("make", spec, "--out", copy, "--epochs", "3")
    assert read_header(copy).epochs == 2


@pytest.mark.parametrize("command", ["make", "extend"])
def test_a_database_that_cannot_be_written_is_refused_before_training(
    copy, spec, tmp_path, monkeypatch, command
):
    def trained(*_, **__):
        raise AssertionError("was trained")

    monkeypatch.setattr("lemur_zoo.training.ZooTraining.run", trained)
    db = tmp_path / "absent" / "lemur.db"
    arguments = (spec, "--out", tmp_path / "zoo") if command == "make" else (copy, "--epochs", "1")
    with pytest.raises(LemurError, match="absent"):
        run_with_error(command, *arguments, "--db", db)
    assert read_header(copy).epochs == 2
    assert not (tmp_path / "zoo").exists()


def test_a_missing_dataset_is_downloaded_if_that_is_asked_for(spec, images, monkeypatch, tmp_path):
    from lemur_core.errors import MissingDataError
    from lemur_core.fetch import Fetching

    fetched = []

    def download(folder, progress):
        progress(Fetching("digits.gz", 1, 2))
        fetched.append(folder)

    def load(*_):
        if not fetched:
            raise MissingDataError("digits is missing; get it with --download")
        return images

    monkeypatch.setattr("lemur_zoo.making.load_images", load)
    arguments = ("make", spec, "--out", tmp_path / "zoo", "--data", tmp_path, "--epochs", "1")
    with pytest.raises(MissingDataError):
        run_with_error(*arguments)
    # The loader of digits has nothing to download.
    with pytest.raises(MissingDataError):
        run_with_error(*arguments, "--download")
    monkeypatch.setattr(load_digits, "download", download, raising=False)
    assert "epoch 1: median loss" in run(*arguments, "--download")
    assert fetched == [tmp_path]


def test_only_one_command_writes_a_zoo(copy):
    with locked(copy), pytest.raises(SettingsError) as caught:
        run_with_error("extend", copy)
    assert "is writing this zoo; wait for its end, or stop it" in str(caught.value)
    run("extend", copy)


def test_a_disk_that_is_too_small_is_said_before_training(spec, tmp_path, copy, monkeypatch):
    usage = namedtuple("Usage", "free")(2**20)
    monkeypatch.setattr("lemur_zoo.storage.folder.shutil.disk_usage", lambda _: usage)
    with pytest.raises(SettingsError, match=r"the zoo needs 0.0 GiB, and the disk has 0.0 GiB"):
        run_with_error("make", spec, "--out", tmp_path / "zoo")
    assert not (tmp_path / "zoo").exists()
    for option in ("--epochs", "--members"):
        with pytest.raises(SettingsError, match=r"name a folder on another disk"):
            run_with_error("extend", copy, option, "1")


def test_a_folder_with_other_files_is_refused(spec, tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(SettingsError, match=r"is not empty; name another folder with --out"):
        run_with_error("make", spec, "--out", tmp_path)


def test_other_images_of_the_same_name_are_refused(copy, images, monkeypatch):
    other = images._replace(fingerprint="0")
    monkeypatch.setattr("lemur_zoo.making.load_images", lambda *_: other)
    with pytest.raises(ZooError, match=r"were trained on other images of 'digits"):
        run_with_error("extend", copy, "--epochs", "1")


def test_a_zoo_goes_on_with_its_engine_and_says_if_another_one_is_wanted(copy, spec, tmp_path):
    assert read_header(copy).engine
    path = tmp_path / "zoo"
    output = run("make", spec, "--out", path, "--epochs", "1", "--engine", "one-by-one")
    assert "engine one-by-one (one member at a time)" in output
    output = run("extend", path, "--epochs", "1")
    assert "engine one-by-one" in output
    output = run("extend", path, "--epochs", "1", "--engine", "grouped")
    assert "earlier epochs were trained with engine one-by-one, which rounds otherwise" in output
    assert read_header(path).engine == "grouped"
    # The engines differ in rounding only.
    weights, expected = Zoo(path).at(1), Zoo(copy).at(1)
    smooth = Zoo(copy).select(activation="tanh").index
    np.testing.assert_allclose(weights[smooth], expected[smooth], atol=1e-4)


def test_without_lanes_the_message_says_how_a_zoo_continues(copy, monkeypatch):
    described = json.loads((copy / "zoo.json").read_text())
    (copy / "zoo.json").write_text(json.dumps({**described, "engine": "lanes"}))
    monkeypatch.setattr("lemur_zoo.engine.choice.why_no_lanes", lambda *_: "numba is missing")
    with pytest.raises(LemurError) as caught:
        run_with_error("extend", copy)
    assert str(caught.value) == (
        "engine lanes cannot be used: numba is missing; continue with --engine grouped, which "
        "rounds otherwise"
    )
    assert "engine grouped" in run("extend", copy, "--engine", "grouped")


def test_arrays_that_a_killed_command_left_are_deleted(copy, small):
    for name in ("weights-1.f32", "metrics-1.f64", "weights-9.f32"):
        (copy / name).write_bytes(b"old")
    run("extend", copy)
    assert sorted(file.name for file in copy.glob("*-*")) == ["metrics-2.f64", "weights-2.f32"]
    assert_equal(copy, small)
