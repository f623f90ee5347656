"""The files of a zoo: what is stored is what was trained, and damage is one line."""

import json
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
from lemur_zoo.nets import ZooNet
from lemur_zoo.spec.read import find_spec, read_spec
from lemur_zoo.storage.folder import ZooFolder
from lemur_zoo.storage.header import ZooError, read_header
from lemur_zoo.training import ZooTraining

from .conftest import SMALL, assert_equal, run, run_with_error


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
