"""Datasets of pairs: published, collected, and found by a search."""

import numpy as np
import pytest

import lemur_core
from lemur_core.errors import SettingsError, UnknownNameError
from lemur_twins.dataset import load

HEADER = "Name,adam_epsilon,batch_size,learning_rate,epochs,pt_test_acc,tf_test_acc,accuracy_diff\n"
ROWS = """\
first,0.5,10,0.02,3,0.50,0.75,0.25
second,0.25,64,0.05,50,0.125,0.25,0.125
third,0.75,64,0.1,7,0.5,0.5,0.0
"""


@pytest.fixture
def published(tmp_path):
    file, db = tmp_path / "vgg16.csv", str(tmp_path / "pairs.db")
    file.write_text(HEADER + ROWS)
    lemur_core.import_results(file, db=db)
    return load("crossedwires-VGG16", db=db)


def recorded(db, net, prm, scores, **facts):
    """Record a training, and return its id."""
    pipeline = f"img-classification_digits_acc_{net}"
    with lemur_core.recording(pipeline, prm, epochs=len(scores), db=db) as trial:
        for score in scores:
            trial.epoch(validation=score, accuracy=score)
    lemur_core.record(trial.uid, facts, db=db)
    return trial.uid


@pytest.fixture
def searched(tmp_path):
    """Three pairs of two sub-spaces, in the order in which a search ended them."""
    db = str(tmp_path / "own.db")
    for space, place, scores in ((1, 0, (0.5, 0.25)), (0, 0, (0.5, 0.5)), (1, 1, (0.75, 0.125))):
        pair = {"space": space, "place": place, "name": f"own-{space}-{place}"}
        members = {
            role: [recorded(db, f"Net-{role}", {"lr": 0.1}, [0.1, score], **{"pair.own": pair})]
            for role, score in zip(("jax", "pytorch"), scores, strict=True)
        }
        lemur_core.collect("own", members, kind="pair", db=db)
    return load("own", db=db)


def test_published_pairs_have_their_scores_and_hyperparameters(published):
    assert published.frameworks == ("pytorch", "tensorflow")
    rows = published.pairs().set_index("name")
    assert list(rows["difference"]) == [0.25, 0.125, 0]
    scores = rows.loc["first", ["accuracy.pytorch", "accuracy.tensorflow"]]
    assert list(scores) == [0.5, 0.75]
    assert list(rows["prm.epochs"]) == [3, 50, 7]


@pytest.mark.parametrize(
    ("prm", "names"),
    [
        ({"batch": 64}, ["second", "third"]),
        ({"batch": 64, "lr": (None, 0.05)}, ["second"]),
        ({"epochs": (3, 7)}, ["first", "third"]),
        ({"lr": [0.02, 0.1]}, ["first", "third"]),
        ({"lr": (0.2, None)}, []),
        ({}, ["first", "second", "third"]),
    ],
)
def test_pairs_are_found_by_their_hyperparameters(published, prm, names):
    assert list(published.find(**prm)["name"]) == names


def test_the_frame_of_pairs_is_a_copy(published):
    rows = published.pairs()
    rows["difference"] = 1.0
    assert published.pairs()["difference"].sum() == 0.375


def test_pairs_of_a_sub_space_are_in_the_order_of_the_search(searched):
    assert list(searched.space(1)["name"]) == ["own-1-0", "own-1-1"]
    assert list(searched.space(0)["place"]) == [0]
    history = searched.history(1)
    assert list(history["difference"]) == [0.25, 0.625]
    assert list(history["largest"]) == [0.25, 0.625]
    assert {"prm.lr", "prm.epochs"} <= {*history.columns}
    assert list(history["prm.epochs"]) == [2, 2]


def test_curves_are_the_scores_of_all_epochs(searched):
    curves = searched.curves("own-1-1")
    assert list(curves.index) == [1, 2]
    assert list(curves["jax"]) == [0.1, 0.75]
    assert list(curves["pytorch"]) == [0.1, 0.125]
    # The position of a pair is another name of it.
    assert searched.curves(2).equals(curves)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda pairs: pairs.space(0), SettingsError, "have no sub-spaces: no search made them"),
        (lambda pairs: pairs.find(lrr=1), UnknownNameError, "'lrr'. Did you mean 'lr'"),
        (lambda pairs: pairs.curves("frist"), UnknownNameError, "Did you mean 'first'"),
        (lambda pairs: pairs.curves(9), UnknownNameError, "unknown pair '9'"),
        (lambda pairs: pairs.net("first", "jax"), UnknownNameError, "unknown framework 'jax'"),
        (lambda pairs: load("none", db=pairs.db), UnknownNameError, "unknown collection 'none'"),
    ],
)
def test_mistakes_are_one_line(published, wrong, error, message):
    with pytest.raises(error, match=message) as raised:
        wrong(published)
    assert "\n" not in str(raised.value)


def test_a_sub_space_without_pairs_is_unknown(searched):
    with pytest.raises(UnknownNameError, match="unknown sub-space '2'"):
        searched.space(2)


def test_a_collection_of_other_trials_has_no_pairs(tmp_path):
    db = str(tmp_path / "own.db")
    lemur_core.collect("some", [recorded(db, "Net", {"lr": 0.1}, [0.5])], db=db)
    with pytest.raises(SettingsError, match="pairs have two roles; its roles are member"):
        load("some", db=db)


def failed(db, net, prm):
    """Record a training that fails at once, and return its id."""
    with (
        pytest.raises(FloatingPointError),
        lemur_core.recording(f"img-classification_digits_acc_{net}", prm, epochs=2, db=db) as trial,
    ):
        raise FloatingPointError("NaN")
    return trial.uid


@pytest.mark.parametrize("both", [False, True])
def test_a_pair_with_a_failed_training_keeps_what_is_known(tmp_path, both):
    db = str(tmp_path / "own.db")
    members = {
        "jax": [failed(db, "Net-jax", {"lr": 0.3})],
        "pytorch": [
            failed(db, "Net-pytorch", {"lr": 0.3})
            if both
            else recorded(db, "Net-pytorch", {"lr": 0.3}, [0.5, 0.6])
        ],
    }
    for uid in (*members["jax"], *members["pytorch"]):
        lemur_core.record(uid, {"pair.own": {"name": "own-0-0", "space": 0, "place": 0}}, db=db)
    lemur_core.collect("own", members, kind="pair", db=db)
    pairs = load("own", db=db)
    [row] = pairs.find(lr=0.3).to_dict("records")
    assert (row["name"], row["state.jax"], row["prm.epochs"]) == ("own-0-0", "failed", 2)
    assert row["reason.jax"] == "FloatingPointError: NaN"
    assert np.isnan(row["difference"])
    assert list(pairs.history(0)["name"]) == ["own-0-0"]
    assert list(pairs.curves("own-0-0").columns) == ([] if both else ["pytorch"])


def test_a_trial_is_part_of_pairs_of_two_searches(tmp_path):
    db = str(tmp_path / "own.db")
    uids = {role: recorded(db, f"Net-{role}", {"lr": 0.1}, [0.5]) for role in "abc"}
    for name, roles in (("first", "ab"), ("second", "ac")):
        for role in roles:
            fact = {f"pair.{name}": {"name": f"{name}-0-0", "space": 0, "place": 0}}
            lemur_core.record(uids[role], fact, db=db)
        lemur_core.collect(name, {role: [uids[role]] for role in roles}, kind="pair", db=db)
    for name in ("first", "second"):
        assert list(load(name, db=db).pairs()["name"]) == [f"{name}-0-0"]
