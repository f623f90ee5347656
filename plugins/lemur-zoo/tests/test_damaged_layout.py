"""What is damaged or unknown in a zoo of the published layout is named, and costs no more."""

import json
import pickle

import pytest
import torch
from torch import nn

from lemur_core.errors import LemurError
from lemur_zoo import Zoo
from lemur_zoo.layout.reading import import_published
from lemur_zoo.storage.header import ZooError

from .conftest import run
from .published_zoo import PARAMS, PublishedNet, read, row


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ("digit*", "dataset 'digit*' is a pattern; expected the name of one dataset"),
        ("digit?[samples=60]", "is a pattern; expected the name of one dataset"),
        ("digts", "unknown dataset 'digts'. Did you mean 'digits'?"),
        ("my_digits", "unknown dataset 'my_digits'. Did you mean 'digits'?"),
        ("digits[sample=1]", "unknown restriction 'sample'. Did you mean 'samples'?"),
        ("coco", "dataset 'coco' serves img-segmentation, obj-detection only"),
    ],
)
def test_a_dataset_that_is_not_the_name_of_one_is_one_line(published, tmp_path, dataset, message):
    with pytest.raises(LemurError) as caught:
        import_published(published[0], tmp_path / "read", dataset)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "read").exists()


def test_members_without_checkpoints_are_named(published, tmp_path):
    empty = published[0] / "NN_d"
    empty.mkdir()
    (empty / "params.json").write_text(json.dumps({**PARAMS, "seed": 9}))
    done = import_published(published[0], tmp_path / "read", "digits")
    assert (done.members, [*done.left_out]) == (3, ["NN_d has no checkpoint"])


class Evil:
    def __reduce__(self):
        return exec, ("raise SystemExit('was run')",)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: torch.save({"a": Evil()}, path), "has other objects than tensors, which"),
        (lambda path: path.write_bytes(pickle.dumps(Evil())), "has other objects than tensors"),
        (lambda path: path.write_bytes(b"PK\x03\x04"), "checkpoints: is damaged ("),
        (lambda path: path.write_bytes(path.read_bytes()[:900]), "checkpoints: is damaged ("),
        (lambda path: path.write_bytes(b""), "checkpoints: is damaged ("),
        (lambda path: torch.save([1], path), "is not a state dictionary"),
        (lambda path: torch.save({"a": 1}, path), "'a' is not a tensor"),
    ],
)
def test_a_member_ends_before_a_state_that_is_not_plain_tensors(
    published, tmp_path, write, message
):
    write(published[0] / "NN_c" / "checkpoint_000001" / "checkpoints")
    done = import_published(published[0], tmp_path / "read", "digits")
    (line,) = done.shortened
    assert line.startswith("NN_c ends with epoch 0: ")
    assert message in line
    assert "\n" not in line
    zoo = Zoo(tmp_path / "read")
    assert [*zoo.last_epochs] == [2, 2, 0]
    assert zoo.weights(1, 2).any()
    write(published[0] / "NN_c" / "checkpoint_000000" / "checkpoints")
    done = import_published(published[0], tmp_path / "fewer", "digits")
    assert message in done.left_out[0]
    assert [member.seed for member in Zoo(tmp_path / "fewer").population] == [5, 4]


def test_members_of_several_architectures_are_refused_without_a_new_folder(published, tmp_path):
    path = published[0] / "NN_c" / "checkpoint_000001" / "checkpoints"
    torch.save(PublishedNet(3, nn.Tanh, 0).state_dict(), path)
    with pytest.raises(ZooError, match="the members of a zoo have one architecture"):
        read(published, tmp_path)
    assert [*tmp_path.iterdir()] == [published[0]]


def test_a_member_ends_before_a_damaged_result(published, tmp_path):
    file = published[0] / "NN_b" / "result.json"
    file.write_text(file.read_text()[:-50])
    output = run(
        "import", published[0], "--out", tmp_path / "read", "--dataset", "digits",
        "--db", tmp_path / "lemur.db",
    )  # fmt: skip
    assert f"NN_b ends with epoch 1: {file}:3: is damaged: it is not JSON" in output
    zoo = Zoo(tmp_path / "read")
    assert [*zoo.last_epochs] == [2, 1, 1]
    assert zoo.scores[1, 1, 2, 1] == pytest.approx(0.3)
    # A training that was restored wrote the epoch again.
    file.write_text(file.read_text() + "\n" + row(2, {}, test_acc=0.9) + "\n")
    assert read(published, tmp_path, "again").scores[1, 2, 2, 1] == 0.9


def test_checkpoints_after_a_gap_are_counted(published, tmp_path):
    (published[0] / "NN_b" / "checkpoint_000001" / "checkpoints").unlink()
    output = run(
        "import", published[0], "--out", tmp_path / "read", "--dataset", "digits",
        "--db", tmp_path / "lemur.db",
    )  # fmt: skip
    assert (
        "checkpoints after a missing one are left out: 1 in all, of 1 of 3 members; the first is "
        "NN_b, which lacks epoch 1"
    ) in output
    assert [*Zoo(tmp_path / "read").last_epochs] == [2, 0, 1]


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b"PK\x03\x04"),
        lambda path: torch.save([1], path),
        lambda path: torch.save({"state": dict.fromkeys(range(10), 1)}, path),
        lambda path: torch.save({"state": {n: {"step": "x"} for n in range(10)}}, path),
        lambda path: torch.save({"state": {n: {"exp_avg": 1} for n in range(10)}}, path),
    ],
)
def test_a_damaged_optimizer_is_named(published, tmp_path, write):
    write(published[0] / "NN_b" / "checkpoint_000002" / "optimizer")
    done = import_published(published[0], tmp_path / "read", "digits")
    (line,) = done.shortened
    assert line.startswith("NN_b has no optimizer's state: ")
    assert [*Zoo(tmp_path / "read").last_epochs] == [2, 2, 1]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("NN_b/params.json", "{}", "NN_b/params.json: seed is None; expected a whole number"),
        ("NN_b/params.json", '{"seed": 1, "model::nlin": "elu"}', "model::nlin is 'elu'; expected"),
        ("NN_b/params.json", "[", "NN_b/params.json: is damaged: it is not JSON"),
        ("NN_b/result.json", "1\n", "NN_b/result.json:1: is damaged: expected a JSON object"),
        ("index_dict.json", "{", "index_dict.json: is damaged"),
        ("index_dict.json", '{"trainset": null}', "index_dict.json: trainset is None; expected a"),
        ("index_dict.json", '{"trainset": 5}', "index_dict.json: trainset is 5; expected a list"),
        ("index_dict.json", '{"valset": [5]}', "index_dict.json: valset is [5]; expected a list"),
        ("index_dict.json", '{"trainset": ["NN_a"]}', "index_dict.json: names no split of NN_b;"),
        (
            "NN_a/params.json",
            '{"seed": 1, "model::channels_in": "x"}',
            "NN_a/params.json: model::channels_in is 'x'; expected a whole number above 0",
        ),
        (
            "NN_b/result.json",
            '{"training_iteration": "x"}',
            "NN_b/result.json:1: training_iteration is 'x'; expected a whole number",
        ),
        (
            "NN_b/result.json",
            '{"training_iteration": null}',
            "training_iteration is None; expected",
        ),
        (
            "NN_b/result.json",
            '{"training_iteration": 1, "test_acc": "bad"}',
            "NN_b/result.json: test_acc of epoch 1 is 'bad'; expected a number",
        ),
    ],
)
def test_a_damaged_file_is_one_line(published, tmp_path, name, content, message):
    (published[0] / name).write_text(content)
    with pytest.raises(ZooError) as caught:
        read(published, tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "read").exists()


def test_a_folder_in_another_layout_is_one_line(tmp_path):
    with pytest.raises(ZooError, match=r"is not a zoo in the published layout; expected folders"):
        import_published(tmp_path, tmp_path / "read", "digits")
