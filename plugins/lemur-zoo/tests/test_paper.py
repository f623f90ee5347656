"""The tables of Schürholt et al. (2022), from zoos of one's own."""

import json
import shutil
from itertools import combinations

import numpy as np
import pytest
import torch

from lemur_analysis.papers.paper import ClaimStatus, Sources, check
from lemur_core.errors import MissingDataError, SettingsError
from lemur_zoo import Zoo
from lemur_zoo.images import load_images
from lemur_zoo.paper.claims import claims
from lemur_zoo.paper.effects import effect_claims
from lemur_zoo.paper.own_zoos import OwnZoos, differences
from lemur_zoo.paper.published import Cell, Printed, published_values
from lemur_zoo.paper.rows import ZooRow

from .conftest import run
from .test_reports import synthetic

NO_ZOO = (
    "there is no zoo 'mnist-seed': make it with lemur zoo make mnist-seed --out mnist-seed, or set "
    "--data to the zoo's folder, or to a folder of zoos"
)


def checked(**sources):
    return {claim.text: check(claim) for claim in claims(Sources(**sources))}


def rename(path, name):
    """Give a zoo the name of a published one."""
    described = json.loads((path / "zoo.json").read_text())
    described["spec"]["name"] = name
    (path / "zoo.json").write_text(json.dumps(described))
    return path


def test_without_a_zoo_the_arithmetic_of_the_paper_is_left(tmp_path):
    results = checked(db=tmp_path / "no.db")
    computed = {text: value for text, value in results.items() if value.ours is not None}
    arithmetic = "mnist-seed: l2 distance from the printed cosine distance"
    assert {text: (value.ours, value.verdict) for text, value in computed.items()} == {
        "zoos": (27, ClaimStatus.AGREES),
        "members of all zoos": (50_360, ClaimStatus.AGREES),
        "states of all zoos and their sparse twins, in millions": (3.84436, ClaimStatus.AGREES),
        arithmetic: (pytest.approx(124.18, abs=0.005), ClaimStatus.AGREES),
        f"{arithmetic}, by the printed formula": (pytest.approx(154.2), ClaimStatus.DISPUTED),
    }
    assert results["mnist-seed: cosine distance"].missing == NO_ZOO
    assert results["mnist: members of the seed zoo agree most"].missing == NO_ZOO
    assert {value.missing for value in results.values()} <= {
        "", NO_ZOO, NO_ZOO.replace("mnist-seed", "mnist-hyp-10-rand"),
    }  # fmt: skip


def test_table_2_of_a_zoo_is_that_of_plain_loops(small, spec, tmp_path):
    rename(shutil.copytree(small, tmp_path / "zoos" / "mine"), "mnist-seed")
    results = checked(folder=tmp_path / "zoos")
    zoo = Zoo(tmp_path / "zoos" / "mine")
    kept = [member for member in range(16) if np.abs(zoo.weights(member)).max() <= 5]
    weights = [zoo.weights(member).astype(float) for member in kept]
    lengths = [np.linalg.norm(row) for row in weights]
    images = torch.from_numpy(load_images(zoo.spec, tmp_path).test.inputs)
    with torch.no_grad():
        classes = [zoo.net(member)(images).argmax(1) for member in kept]
    pairs = [*combinations(range(len(kept)), 2)]
    expected = {
        "agreement": [(classes[k] == classes[n]).double().mean().item() for k, n in pairs],
        "l2 distance": [
            np.linalg.norm(weights[k] - weights[n]) / np.mean(lengths) for k, n in pairs
        ],
        "cosine distance": [
            1 - weights[k] @ weights[n] / lengths[k] / lengths[n] for k, n in pairs
        ],
        "weights": np.concatenate(weights),
    }
    for measure, values in expected.items():
        mean, std = results[f"mnist-seed: {measure}"], results[f"mnist-seed: {measure}, std"]
        assert mean.ours == pytest.approx(100 * np.mean(values), rel=1e-5)
        assert std.ours == pytest.approx(100 * np.std(values), rel=1e-5)
    cosine, weights = results["mnist-seed: cosine distance"], results["mnist-seed: weights"]
    assert (cosine.verdict, cosine.claim.published) == (ClaimStatus.DISPUTED, 77.1)
    assert (weights.verdict, weights.claim.published) == (ClaimStatus.UNCOMPARED, None)
    assert cosine.claim.dispute.startswith(
        "your mnist-seed is another zoo than the published one: "
        "dataset digits[samples=60,test=40], not mnist, "
    )
    assert cosine.claim.dispute.endswith("16 of 1,000 members, epoch 2 of 50")


def test_without_its_images_the_other_cells_are_computed(tmp_path):
    synthetic(tmp_path / "a", members=40, name="mnist-seed")
    results = checked(folder=tmp_path)
    agreement = results["mnist-seed: agreement"]
    assert agreement.missing.startswith("agreement and CKA: not computed (the images in ")
    accuracy = results["mnist-seed: test accuracy from w"]
    # The accuracy is a linear function of the first weight.
    assert accuracy.ours == pytest.approx(100, abs=0.1)
    assert "samples are members after the epochs 1, 2" in accuracy.claim.dispute
    statistics = results["mnist-seed: s(w) predicts the accuracy better than w"]
    assert (statistics.ours, statistics.verdict) == ("no", ClaimStatus.DISPUTED)


def test_a_zoo_that_is_too_small_is_not_checked(tmp_path):
    synthetic(tmp_path / "a", members=4, name="mnist-seed", epochs=1)
    results = checked(folder=tmp_path)
    assert results["mnist-seed: l2 distance"].ours > 0
    missing = results["mnist-seed: test accuracy from w"].missing
    assert missing.startswith("property prediction: not computed (zoo 'mnist-seed': ")


def test_values_of_a_file_are_compared(tmp_path):
    synthetic(tmp_path / "mnist-seed", members=40, name="mnist-seed")
    (tmp_path / "model-zoos.csv").write_text(
        "table,zoo,measure,predictor,mean,std\n"
        "2,mnist-seed,weights,,0.5,57.5\n"
        "3,svhn-seed,epoch,s(w),12.3,\n"
    )
    results = checked(folder=tmp_path)
    weights, std = results["mnist-seed: weights"], results["mnist-seed: weights, std"]
    assert (weights.claim.published, std.claim.published) == (0.5, 57.5)
    assert weights.verdict is ClaimStatus.AGREES
    assert "no zoo 'svhn-seed'" in results["svhn-seed: epoch from s(w)"].missing


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2,mnist-sed,agreement,,1,", ":2: unknown zoo 'mnist-sed'. Did you mean 'mnist-seed'"),
        ("4,mnist-seed,agreement,,1,", ":2: table is '4'; expected 2 or 3"),
        ("2,mnist-seed,agrement,,1,", ":2: measure is 'agrement'; expected 'agreement' or "),
        ("2,mnist-seed,agreement,w,1,", ":2: predictor is 'w'; expected ''"),
        ("3,mnist-seed,init,,1,", ":2: predictor is ''; expected 'w' or 's(w)'"),
        ("2,mnist-seed,agreement,,x,", ":2: mean is 'x'; expected a number"),
        ("2,mnist-seed,agreement,,1,inf", ":2: std is 'inf'; expected a number"),
        ("2,mnist-seed", ":2: expected 6 values, table, zoo, measure, predictor, mean, std"),
        ("2", ":2: expected 6 values"),
        ("2,mnist-seed,agreement,,1,2,3", ":2: expected 6 values"),
        ("2,mnist-seed,cosine distance,,-5,", ":2: mean is '-5'; expected a distance from 0"),
    ],
)
def test_a_wrong_value_of_a_file_is_one_line(tmp_path, row, message):
    (tmp_path / "model-zoos.csv").write_text(f"table,zoo,measure,predictor,mean,std\n{row}\n")
    with pytest.raises(SettingsError) as caught:
        published_values(tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_of_excel_with_a_distance_of_0_is_read(tmp_path):
    text = "table,zoo,measure,predictor,mean,std\n2,mnist-seed,cosine distance,,0,\n"
    (tmp_path / "model-zoos.csv").write_text(text, encoding="utf-8-sig")
    assert published_values(tmp_path)[Cell(2, "mnist-seed", "cosine distance")].mean == 0
    # The l2 distance does not follow from it.
    assert not any("from the printed cosine" in name for name in checked(folder=tmp_path))


def test_a_second_zoo_of_a_name_is_seen_in_the_database(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("first", "second"):
        rename(shutil.copytree(small, tmp_path / folder), "mnist-seed")
        described = json.loads((tmp_path / folder / "zoo.json").read_text())
        uid = folder[0].encode().hex() * 16
        (tmp_path / folder / "zoo.json").write_text(json.dumps({**described, "uid": uid}))
        run("extend", folder, "--db", "lemur.db")
    sources = Sources(db=tmp_path / "lemur.db")
    with pytest.raises(MissingDataError, match="several zoos are called 'mnist-seed'"):
        OwnZoos(sources).zoo("mnist-seed")
    shutil.rmtree(tmp_path / "first")
    assert OwnZoos(sources).zoo("mnist-seed").path.name == "second"


def test_a_damaged_zoo_does_not_hide_the_others(tmp_path):
    synthetic(tmp_path / "whole", members=12, name="mnist-seed")
    synthetic(tmp_path / "damaged", members=12, name="svhn-seed")
    described = json.loads((tmp_path / "damaged" / "zoo.json").read_text())
    (tmp_path / "damaged" / "zoo.json").write_text(json.dumps({**described, "members": -1}))
    zoos = OwnZoos(Sources(folder=tmp_path))
    assert zoos.names == ["mnist-seed"]
    with pytest.raises(MissingDataError, match=r"no zoo 'svhn-seed'.*zoo\.json: is damaged"):
        zoos.zoo("svhn-seed")


def test_other_columns_are_one_line(tmp_path):
    (tmp_path / "model-zoos.csv").write_text("zoo,mean\n")
    with pytest.raises(SettingsError, match=r"expected the columns table, zoo, measure, predict"):
        published_values(tmp_path)


def test_known_values_say_with_how_many_digits_they_are_printed():
    values = published_values(None)
    assert values[Cell(2, "mnist-seed", "l2 distance")] == Printed(124.1, None, 1)


def test_zoos_are_found_in_the_database_until_another_takes_their_folder(
    small, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    rename(shutil.copytree(small, tmp_path / "mine"), "mnist-seed")
    run("extend", "mine", "--db", "lemur.db")
    sources = Sources(db=tmp_path / "lemur.db")
    assert OwnZoos(sources).zoo("mnist-seed").path.name == "mine"
    described = json.loads((tmp_path / "mine" / "zoo.json").read_text())
    (tmp_path / "mine" / "zoo.json").write_text(json.dumps({**described, "uid": "0" * 32}))
    assert OwnZoos(sources).names == []


def test_two_zoos_of_a_name_are_refused(tmp_path):
    for folder in "ab":
        synthetic(tmp_path / folder, members=12, name="mnist-seed")
    zoos = OwnZoos(Sources(folder=tmp_path))
    with pytest.raises(MissingDataError, match=r"several zoos are called 'mnist-seed': .*a, .*b;"):
        zoos.zoo("mnist-seed")
    results = checked(folder=tmp_path)
    assert "several zoos" in results["mnist-seed: l2 distance"].missing
    assert OwnZoos(Sources(folder=tmp_path / "a")).zoo("mnist-seed").path == tmp_path / "a"


def test_a_zoo_differs_by_its_members_epochs_and_factors(tmp_path):
    zoo = Zoo(synthetic(tmp_path / "a", members=12, name="mnist-seed"))
    text = differences(zoo)
    assert "init kaiming_uniform, not uniform" in text
    assert "activation tanh or gelu, not tanh" in text
    assert text.endswith("12 of 1,000 members, epoch 3 of 50")


def effects(rows, monkeypatch):
    """Return the verdicts of effects, given the means of cells by zoo, table, measure and so on."""

    def row(name):
        if name not in rows:
            raise MissingDataError(f"no {name}")
        return ZooRow({Cell(*key): (value, 0.0) for key, value in rows[name].items()}, {})

    zoos = OwnZoos(Sources())
    monkeypatch.setattr(OwnZoos, "names", [*rows])
    return {claim.text: check(claim) for claim in effect_claims(zoos, row)}


@pytest.mark.parametrize(("fixed", "ours"), [(50, "yes"), (70, "no")])
def test_members_of_the_seed_zoo_agree_most(monkeypatch, fixed, ours):
    values = {"usps-seed": 60, "usps-hyp-10-rand": 40, "usps-hyp-10-fix": fixed}
    rows = {zoo: {(2, zoo, "agreement"): value} for zoo, value in values.items()}
    results = effects(rows, monkeypatch)
    assert results["usps: members of the seed zoo agree most"].ours == ours
    # Another family has no zoo.
    assert not any(text.startswith("mnist") for text in results)
    del rows["usps-hyp-10-rand"]
    assert effects(rows, monkeypatch)["usps: members of the seed zoo agree most"].ours == ours
    del rows["usps-hyp-10-fix"]
    result = effects(rows, monkeypatch)["usps: members of the seed zoo agree most"]
    assert result.verdict is ClaimStatus.MISSING


@pytest.mark.parametrize(("w", "s", "ours"), [(10, 20, "yes"), (-5, -20, "no")])
def test_statistics_are_compared_with_weights(monkeypatch, w, s, ours):
    zoo = "svhn-hyp-10-rand"
    cells = {(3, zoo, "test accuracy", "w"): w, (3, zoo, "test accuracy", "s(w)"): s}
    text = f"{zoo}: s(w) predicts the accuracy better than w"
    assert effects({zoo: cells}, monkeypatch)[text].ours == ours


@pytest.mark.parametrize(("fixed", "ours"), [(90, "yes"), (25, "no")])
def test_the_initialisation_is_compared_between_fixed_and_random_seeds(monkeypatch, fixed, ours):
    values = {"mnist-hyp-10-rand": 30, "mnist-hyp-10-fix": fixed}
    rows = {zoo: {(3, zoo, "init", "w"): value} for zoo, value in values.items()}
    text = "mnist: w predicts the initialisation better where seeds are fixed"
    assert effects(rows, monkeypatch)[text].ours == ours


def test_sparse_twins_are_compared_with_those_of_the_paper(small, tmp_path):
    rename(shutil.copytree(small, tmp_path / "mine"), "mnist-seed")
    run("sparsify", tmp_path / "mine", "--epochs", "1")
    results = checked(folder=tmp_path)
    zoo = Zoo(tmp_path / "mine")
    from lemur_zoo.sparse.twins import SparseTwins

    rows = SparseTwins(zoo).trajectory.query("epoch == 1")
    sparsity = results["mnist-seed: sparsity of the sparse twins"]
    assert sparsity.ours == pytest.approx(100 * rows["sparsity"].mean())
    lost = results["mnist-seed: accuracy that the sparse twins lose"]
    before = zoo.scores[:, 2, 2, 1].mean()
    assert lost.ours == pytest.approx(100 * (before - rows["test_accuracy"].mean()))
    assert "twins, after epoch 1 of 25, with --kl-weight 0.001" in lost.claim.dispute
