"""The files of a zoo: what is stored is what was trained, and survives interruptions."""

import json
import shutil
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.utils.data import random_split

from lemur_core.errors import LemurError, SettingsError
from lemur_core.kinds.loader import InMemory
from lemur_vision_cls.loaders.digits import load as load_digits
from lemur_zoo import Zoo
from lemur_zoo.images import load_images, pipeline_of
from lemur_zoo.making import begin, extend_epochs, extend_members, training_of
from lemur_zoo.nets import DRAWING, ZooNet
from lemur_zoo.spec.read import find_spec, read_spec
from lemur_zoo.storage.folder import ZooFolder
from lemur_zoo.storage.header import ZooError, read_header
from lemur_zoo.storage.lock import locked
from lemur_zoo.training import ZooTraining

from .conftest import SMALL, run


@pytest.fixture(scope="session")
def images(spec):
    return load_images(read_spec(spec), None)


@pytest.fixture
def copy(small, tmp_path):
    return shutil.copytree(small, tmp_path / "copy")


def stored(path):
    zoo = Zoo(path)
    return np.array(zoo._folder.weights), zoo.scores


def assert_equal(path, other):
    for ours, theirs in zip(stored(path), stored(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_scores_are_those_that_torch_computes_from_the_stored_weights(small, images):
    zoo = Zoo(small)
    for member in (0, 5, 10, 15):
        for epoch in (0, 1, 2):
            net = zoo.net(member, epoch)
            for split, name in enumerate(("train", "validation", "test")):
                if split == 0 and epoch > 0:
                    continue  # As it was trained, which the tests of engines check.
                inputs, targets = map(torch.from_numpy, getattr(images, name))
                with torch.no_grad():
                    outputs = net(inputs)
                accuracy = (outputs.argmax(1) == targets).float().mean().item()
                loss = functional.cross_entropy(outputs, targets).item()
                stored_scores = zoo.scores[member, epoch, split]
                assert stored_scores == pytest.approx([loss, accuracy], rel=1e-4, abs=1e-6)


def test_members_begin_as_their_net_is_initialised(small):
    zoo = Zoo(small)
    for member in zoo.population:
        torch.manual_seed(member.seed)
        fresh = zoo._net._module.net(
            (1, 1, 28, 28), (10,), dict(member.values), torch.device("cpu")
        ).state_dict()
        state = zoo.state_dict(member.number, 0)
        assert state.keys() == fresh.keys()
        assert all(torch.equal(state[name], fresh[name]) for name in state)


def test_what_is_stored_is_what_an_engine_gives_that_stores_nothing(small, spec, images):
    folder = ZooFolder(small, read_header(small))
    net = ZooNet(pipeline_of(read_spec(spec)).net_entry, images.in_shape, images.classes)
    training = ZooTraining(folder, images, net, folder.header.engine)
    for group, numbers in enumerate(folder.header.groups):
        numbers = list(numbers)
        engine, state = training._engine(group), training._initial(group)
        for epoch in (1, 2):
            scores = engine.train_epoch(state, epoch)
            np.testing.assert_array_equal(folder.weights[numbers, epoch], state.parameters)
            np.testing.assert_array_equal(folder.metrics[numbers, epoch, 0, 0], scores.loss)
            np.testing.assert_array_equal(folder.metrics[numbers, epoch, 0, 1], scores.accuracy)
        stored_state = folder.load(group, 2)
        np.testing.assert_array_equal(stored_state.first, state.first)
        np.testing.assert_array_equal(stored_state.second, state.second)
        assert stored_state.steps == state.steps > 0
        assert state.first.any()


def test_images_are_split_as_torch_splits_them_with_seed_42():
    bundle = load_digits(None, "img-classification")
    count = len(bundle.train)
    generator = torch.Generator().manual_seed(42)
    train, validation = random_split(range(count), [count - 144, 144], generator)
    images = load_images(find_spec("mnist-seed@digits"), None)
    np.testing.assert_array_equal(images.train.targets, bundle.train.targets[list(train)])
    np.testing.assert_array_equal(images.validation.targets, bundle.train.targets[list(validation)])
    assert images.train.inputs.shape == (count - 144, 1, 28, 28)
    assert images.train.inputs.mean() == pytest.approx(0, abs=0.05)


def test_colour_images_become_grey_as_the_eye_weighs_colours(monkeypatch):
    from lemur_zoo.images import _with_channels

    colour = torch.tensor([255, 0, 0, 0, 255, 0, 0, 0, 255], dtype=torch.uint8)
    colour = colour.reshape(3, 3, 1, 1)
    grey = _with_channels(find_spec("svhn-seed"), colour)
    # As Pillow and torchvision convert RGB to L.
    assert grey.flatten().tolist() == [76, 150, 29]
    spec = find_spec("cifar-10-small-seed")
    with pytest.raises(LemurError) as caught:
        _with_channels(spec, colour[:, :1])
    assert str(caught.value) == (
        "dataset 'cifar-10' has grey images; zoo 'cifar-10-small-seed' needs colour ones; set "
        "channels = 1"
    )


def test_too_many_validation_images_are_one_line(spec):
    with pytest.raises(SettingsError) as caught:
        load_images(replace(read_spec(spec), validation=1_000), None)
    assert str(caught.value).startswith("zoo 'small': 1,000 of the 60 training images of 'digits")
    fewer = load_images(replace(read_spec(spec), validation=10), None)
    assert [len(split.targets) for split in fewer[:3]] == [50, 10, 40]


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


def run_with_error(*arguments):
    from click.testing import CliRunner

    from lemur_zoo.cli.group import zoo

    result = CliRunner().invoke(zoo, list(map(str, arguments)))
    if result.exception is not None:
        raise result.exception


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


def test_members_that_diverge_are_kept_and_flagged(spec, tmp_path, small):
    text = SMALL.replace("lr = 3e-3", "lr = [3e-3, 1e30]").replace('"adam", "sgd"', '"sgd"')
    file = tmp_path / "hot.toml"
    file.write_text(text)
    output = run("make", file, "--out", tmp_path / "hot")
    zoo = Zoo(tmp_path / "hot")
    members = zoo.members
    assert (members["diverged"] == (members["lr"] > 1)).all()
    assert f", {int(members['diverged'].sum())} diverged" in output
    assert not np.isfinite(zoo.at(-1, members.index[members["diverged"]])).all()
    # The others are those of a zoo without them.
    calm = members.index[~members["diverged"]]
    old = Zoo(small)
    np.testing.assert_array_equal(zoo.at(2, calm), old.at(2, old.select(optimizer="sgd").index))
    assert len(zoo.dataset()) == len(calm)


def test_a_file_that_is_too_short_is_one_line(copy):
    file = copy / read_header(copy).weights_file
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(ZooError) as caught:
        Zoo(copy)
    needed = 16 * 3 * 2_464 * 4
    assert str(caught.value) == (
        f"{file}: is damaged: it has {needed - 4:,} of the {needed:,} bytes that zoo.json says"
    )


HEAD = (
    b"member,split,seed,init,activation,optimizer,lr,momentum,weight_decay,dropout,schedule,batch\n"
)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("zoo.json", b"{", "is damaged: it is not JSON"),
        ("zoo.json", b"[]", "is not the header of a zoo"),
        ("zoo.json", b'{"format": "lemur-zoo", "version": 9}', "has version 9 of the format"),
        ("members.csv", b"member,split\n0,train\n", "members.csv: cannot be read (KeyError"),
        (
            "members.csv",
            HEAD + b"0,train,1,uniform,softplus,adam,0.1,0.9,0,0,constant,10\n",
            "activation is 'softplus'; expected tanh or sigmoid or relu or gelu",
        ),
        (
            "members.csv",
            HEAD + b"0,mine,1,uniform,tanh,adam,0.1,0.9,0,0,constant,10\n",
            "split is 'mine'; expected train or validation or test",
        ),
        ("states/00001.npz", b"PK\x03\x04nothing", "00001.npz: is damaged (BadZipFile)"),
    ],
)
def test_a_damaged_file_is_one_line(copy, name, content, message):
    (copy / name).write_bytes(content)
    with pytest.raises(ZooError) as caught:
        assert Zoo(copy).members.empty
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("members", "x", "members is 'x'; expected a whole number, 1 or more"),
        ("epochs", -1, "epochs is -1; expected a whole number, 0 or more"),
        ("groups", [[99]], "its groups are not those of 16 members"),
        ("groups", [], "its groups are not those of 16 members"),
        ("groups", [["x", 1]], "is damaged: TypeError"),
        ("in_shape", [1, "x"], "a size of a shape is not a whole number"),
    ],
)
def test_a_header_that_cannot_be_is_one_line(copy, name, value, message):
    described = json.loads((copy / "zoo.json").read_text())
    (copy / "zoo.json").write_text(json.dumps({**described, name: value}))
    with pytest.raises(ZooError) as caught:
        Zoo(copy)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_arrays_that_a_killed_command_left_are_deleted(copy, small):
    for name in ("weights-1.f32", "metrics-1.f64", "weights-9.f32"):
        (copy / name).write_bytes(b"old")
    run("extend", copy)
    assert sorted(file.name for file in copy.glob("*-*")) == ["metrics-2.f64", "weights-2.f32"]
    assert_equal(copy, small)


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


def test_a_folder_that_is_no_zoo_is_one_line(tmp_path):
    with pytest.raises(ZooError, match=r"is not a zoo, as zoo.json cannot be read \(No such file"):
        run_with_error("show", tmp_path)


def test_a_zoo_of_the_other_byte_order_has_the_same_numbers(copy, small):
    header = read_header(copy)
    for name, kind in ((header.weights_file, "<f4"), (header.metrics_file, "<f8")):
        values = np.fromfile(copy / name, kind)
        values.astype(kind.replace("<", ">")).tofile(copy / name)
    described = json.loads((copy / "zoo.json").read_text())
    (copy / "zoo.json").write_text(json.dumps({**described, "byte_order": "big"}))
    assert_equal(copy, small)
    (copy / "zoo.json").write_text(json.dumps({**described, "byte_order": "middle"}))
    with pytest.raises(ZooError, match=r"byte order 'middle'; expected little or big"):
        Zoo(copy)


def test_the_header_alone_describes_the_array(small):
    described = json.loads((small / "zoo.json").read_text())
    array = described["arrays"]["weights"]
    weights = np.fromfile(small / array["file"], "<f4").reshape(array["shape"])
    offset = 0
    state = Zoo(small).state_dict(3, 1)
    for parameter in described["parameters"]:
        end = offset + int(np.prod(parameter["shape"]))
        expected = weights[3, 1, offset:end].reshape(parameter["shape"])
        np.testing.assert_array_equal(state[parameter["name"]].numpy(), expected)
        offset = end
    assert offset == array["shape"][2]


def test_samples_that_are_not_in_memory_are_read_one_by_one(spec):
    from lemur_zoo.images import _in_memory

    class Files:
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return torch.full((3, 4, 4), index, dtype=torch.uint8), index

    split = _in_memory(read_spec(spec), "train", Files())
    assert isinstance(split, InMemory)
    assert (split.inputs.shape, split.targets.tolist()) == ((3, 3, 4, 4), [0, 1, 2])


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


def test_members_begin_from_the_last_states_of_another_zoo(small, tmp_path):
    file = tmp_path / "further.toml"
    start = f'start = "{small.as_posix()}"\n[factors]'
    text = SMALL.replace("[factors]", start).replace('"adam", "sgd"', '"adam"')
    file.write_text(text + "[members]\nrepeats = 3\n")
    run("make", file, "--out", tmp_path / "zoo", "--epochs", "1")
    zoo, before = Zoo(tmp_path / "zoo"), Zoo(small)
    np.testing.assert_array_equal(zoo.at(0), before.at(2, [*range(16), *range(8)]))
    assert not np.array_equal(zoo.at(1), zoo.at(0))
    other = tmp_path / "other.toml"
    other.write_text(file.read_text().replace("samples=60", "classes=4,samples=60"))
    with pytest.raises(ZooError, match=r"start '.*': its members have other parameters than those"):
        run_with_error("make", other, "--out", tmp_path / "other")
    assert not (tmp_path / "other").exists()
    other.write_text(file.read_text().replace(str(small), str(tmp_path)))
    with pytest.raises(ZooError, match=r"is not a zoo"):
        run_with_error("make", other, "--out", tmp_path / "other")
