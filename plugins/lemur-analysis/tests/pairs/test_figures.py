"""Figures of pairs: the data that they draw."""

import numpy as np
import pandas as pd
import pytest

from lemur_analysis.pairs import (
    dependence,
    pair_densities,
    pair_dependence,
    pair_grid,
    pair_information,
    pair_space,
)
from lemur_analysis.pairs.figures import density
from lemur_core.errors import SettingsError

ALL = [pair_densities, pair_dependence, pair_grid, pair_information, pair_space]
QUICK = {"pair_information": {"permutations": 2, "repeats": 1}}


def frame(samples=60, seed=0, **more):
    random = np.random.default_rng(seed)
    made = {name: random.random(samples) for name in ("lr", "batch", "epochs", "adam_epsilon")}
    made = pd.DataFrame(made).assign(**more)
    return made.assign(pt_test_acc=0.5 + 0.4 * made["lr"], tf_test_acc=0.5)


def draw(figure, *arguments, **options):
    return figure(*arguments, **QUICK.get(figure.__name__, {}), **options)


def shown(axes):
    """Draw the whole figure and return the texts on the axes."""
    axes = np.atleast_1d(axes).ravel()
    axes[0].figure.draw_without_rendering()
    return [" ".join(text.get_text().split()) for ax in axes for text in ax.texts]


@pytest.mark.parametrize("values", [[0.0], [1.0], [0.0, 0.5, 1.0], [0.3] * 9])
def test_a_density_has_an_area_of_one_between_0_and_1(values):
    grid = np.linspace(0, 1, 2_001)
    area = np.trapezoid(density(np.array(values), grid, 0.03), grid)
    assert area == pytest.approx(1, abs=1e-3)


def test_a_density_far_from_the_ends_is_the_normal_one():
    # At its mean, the density of a normal variable is 1 / (sigma sqrt(2 pi)).
    assert density(np.array([0.5]), np.array([0.5]), 0.05)[0] == pytest.approx(
        1 / (0.05 * np.sqrt(2 * np.pi))
    )


def test_densities_show_both_scores_and_the_difference():
    ax = pair_densities(frame())
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["PyTorch (n=60)", "TensorFlow (n=60)", "difference (n=60)"]
    assert ax.get_xlim() == (0, 1)
    assert all(0 <= line.get_xdata().min() <= line.get_xdata().max() <= 1 for line in ax.lines)


def test_a_grid_has_a_panel_for_each_pair_of_hyperparameters():
    made = frame()
    axes = pair_grid(made)
    assert [(ax.get_xlabel(), ax.get_ylabel()) for ax in axes] == [
        ("lr", "batch"), ("lr", "epochs"), ("lr", "adam_epsilon"), ("batch", "epochs"),
        ("batch", "adam_epsilon"), ("epochs", "adam_epsilon"),
    ]  # fmt: skip
    grey, coloured = axes[0].collections
    assert len(grey.get_offsets()) == len(coloured.get_offsets()) == 30
    difference = (made["pt_test_acc"] - made["tf_test_acc"]).abs()
    assert np.allclose(sorted(coloured.get_array()), sorted(difference)[30:])
    drawn = {tuple(point) for point in np.round(coloured.get_offsets(), 12)}
    above = made[difference > difference.median()]
    assert drawn == {tuple(point) for point in np.round(above[["lr", "batch"]].to_numpy(), 12)}


def test_the_space_has_batch_learning_rate_and_epochs_as_axes():
    ax = pair_space(frame())
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_zlabel()) == ("batch", "lr", "epochs")
    assert ax.get_legend().get_title().get_text() == "adam_epsilon"
    ax = pair_space(frame(), axes="lr+epochs+batch")
    assert (ax.get_xlabel(), ax.get_zlabel(), ax.get_legend()) == ("lr", "batch", None)


def test_information_is_drawn_with_its_null():
    axes = draw(pair_information, frame(), estimators="plug-in+ksg")
    assert [ax.get_title("left") for ax in axes] == [
        "plug-in, 10 bins", "nearest neighbours (KSG), k=3",
    ]  # fmt: skip
    names = [text.get_text() for text in axes[0].get_yticklabels()]
    assert names[:4] == ["lr", "batch", "epochs", "adam_epsilon"]
    assert len(names) == len(axes[0].patches) == 10
    alone, together = axes[0].lines
    assert (len(alone.get_xdata()), len(together.get_xdata())) == (4, 6)
    assert "excess" in shown(axes)


def test_information_is_drawn_without_a_null():
    ax = pair_information(frame(), estimators="plug-in", permutations=0)
    assert not ax.patches
    assert shown(ax) == []


def test_dependence_is_drawn_if_a_model_predicts(monkeypatch):
    monkeypatch.setattr(dependence, "REPEATS", 1)
    ax = pair_dependence(frame(80))
    assert len(ax.lines) == 4
    assert ax.get_legend().get_title().get_text().startswith("cross-validated R2 0.")


def test_no_dependence_is_drawn_if_no_model_predicts(monkeypatch):
    monkeypatch.setattr(dependence, "REPEATS", 1)
    random = np.random.default_rng(1)
    made = frame().assign(pt_test_acc=0.5 + 0.4 * random.random(60))
    ax = pair_dependence(made)
    assert not ax.lines
    [text] = shown(ax)
    assert text.startswith("no partial dependence: the model's cross- validated R2 is -")


@pytest.mark.parametrize("figure", ALL)
def test_panels_say_what_cannot_be_drawn(figure):
    nothing = frame(2).assign(pt_test_acc=np.nan)
    assert "no pair has both scores" in shown(draw(figure, nothing))
    results = pd.DataFrame(
        columns=["task", "dataset", "metric", "nn", "epoch", "accuracy", "prm", "trial"]
    )
    assert shown(draw(figure, results)) == [
        "no pairs: select a collection of pairs, for example with --collection"
    ]


@pytest.mark.parametrize("figure", ALL)
def test_one_pair_and_equal_pairs_raise_no_warning(figure):
    for made in (frame(1), frame(60, lr=0.5, batch=1.0, epochs=3, adam_epsilon=0.0)):
        shown(draw(figure, made))


@pytest.mark.parametrize("figure", ALL)
def test_each_group_of_pairs_has_its_own_panels(figure):
    made = pd.concat([frame(20).assign(nets=f"${n}$" + "x" * 300) for n in range(2)])
    made = made.drop(columns="adam_epsilon" if figure is pair_space else ["lr", "epochs"])
    axes = draw(figure, made.reset_index(drop=True))
    assert len(axes) % 2 == 0
    titles = [ax.get_title("left").partition("\n")[0] for ax in axes]
    assert {title[:5] for title in titles} == {r"\$0\$", r"\$1\$"}
    assert all(len(title) < 60 for title in titles)
    shown(axes)


@pytest.mark.parametrize("figure", ALL)
def test_names_in_other_scripts_and_control_characters_are_drawn(figure):
    made = frame(8).rename(columns={"lr": "学习率 \a $x$"}).assign(nets="नेट 网络")
    shown(draw(figure, made))


@pytest.mark.parametrize("figure", ALL)
def test_a_frame_without_scores_is_refused(figure):
    with pytest.raises(SettingsError, match="the frame has no pairs: name its two columns"):
        figure(pd.DataFrame({"lr": [0.1]}))


def test_axes_that_do_not_fit_are_refused():
    from matplotlib import pyplot as plt

    _, ax = plt.subplots()
    with pytest.raises(SettingsError) as caught:
        pair_space(frame(), ax)
    assert str(caught.value) == (
        "ax: expected 1 three-dimensional axes, as plt.subplots(subplot_kw={'projection': '3d'}) "
        "makes them"
    )
    assert pair_densities(frame(), ax) is ax
    with pytest.raises(SettingsError, match="axes: no hyperparameter 'depth'; there are lr, batch"):
        pair_space(frame(), axes="lr,batch,depth")
    with pytest.raises(SettingsError, match="bandwidth is 0; expected a number from 0 to 0.5"):
        pair_densities(frame(), bandwidth=0)
