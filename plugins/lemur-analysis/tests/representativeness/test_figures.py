import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import same_color
from pandas import concat

from lemur_analysis import representativeness as rep
from lemur_core import installed
from lemur_core.errors import SettingsError

from .populations import lists, population, results

AGREEMENT = ("error_scatter", "rank_agreement", "rank_transfer", "scatter_matrix")
COLUMNS = {
    "balanced_errors": "balanced",
    "best_configuration": "depth_1",
    "changed_hyperparameters": "changed",
    "complexity_correlation": "depth",
    "error_against": "depth",
    "longer_training": "epochs",
    "pretraining_gain": "pretrained",
    "stage_scatter": "depth_1",
    "top1_against_top5": "top5_error",
}
"""The column that each figure of control experiments needs."""
FIGURES = (*AGREEMENT, *COLUMNS, "error_ecdf", "noise_of_training")


@pytest.fixture(autouse=True)
def backend():
    """Draw without a display, and close all figures afterwards."""
    matplotlib.use("agg")
    yield
    plt.close("all")


def study(nets=12, datasets=("x", "y"), name="n{}"):
    """Return a population with all columns that the figures need."""
    rng = np.random.default_rng(0)
    names = [name.format(at) for at in range(nets)]
    depth, width = (dict(zip(names, rng.integers(1, 9, nets), strict=True)) for _ in range(2))
    frame = population(
        {dataset: dict(zip(names, rng.random(nets), strict=True)) for dataset in datasets},
        depth_1=depth,
        depth_2=width,
        width_1=width,
        group_1=depth,
    )
    frame = frame.assign(top5_error=frame["error"] / 2, training_error=frame["error"] / 3)
    before = frame.assign(epochs=1, balanced=False, pretrained=False, changed="")
    after = frame.assign(epochs=9, balanced=True, pretrained=True, changed="stem=cifar")
    after = after.assign(error=frame["error"] / 4)
    return concat([before, after], ignore_index=True)


def of_figure(frame, name):
    """Return the rows that a figure draws: one per net, dataset and condition."""
    both = ("balanced_errors", "longer_training", "noise_of_training", "pretraining_gain")
    both += ("changed_hyperparameters", "rank_transfer")
    rows = frame if name in both else frame[frame["epochs"] == 1]
    return rows[rows["dataset"] == "x"] if name == "stage_scatter" else rows


def drawn(frame, name, ax=None, **options):
    """Draw a figure and return a flat array of its axes."""
    return np.atleast_1d(getattr(rep, name)(frame, ax, **options)).ravel()


def texts(axes):
    return " ".join(" ".join(text.get_text().split()) for ax in axes for text in ax.texts)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_drawn_on_given_axes(name):
    frame = of_figure(
        study(nets=5, datasets=("x", "$ y\a" + "数" * 300), name="long " * 60 + "\a{}$"), name
    )
    axes = drawn(frame, name)
    # Warnings about text that does not fit or has no glyphs are errors.
    axes[0].figure.draw_without_rendering()
    said = texts(axes)
    for ax in axes:
        ax.clear()
    assert list(drawn(frame, name, axes)) == list(axes)
    assert texts(axes) == said
    with pytest.raises(SettingsError, match=f"ax has {len(axes) + 1}"):
        drawn(frame, name, [*axes, axes[0]])


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(study().iloc[:0], id="no rows"),
        pytest.param(study().iloc[:1], id="one row"),
        pytest.param(study(nets=1), id="one net"),
        pytest.param(study().assign(error=np.nan), id="no errors"),
    ],
)
def test_a_figure_of_few_rows_is_drawn_or_says_what_is_missing(name, frame):
    axes = drawn(of_figure(frame, name), name)
    assert all(ax.has_data() or ax.texts for ax in axes)


@pytest.mark.parametrize("name", AGREEMENT)
def test_one_dataset_agrees_with_none(name):
    axes = drawn(lists(x=[0.1, 0.2]), name)
    assert texts(axes) == "Rank agreement needs two datasets; the results have x"


@pytest.mark.parametrize(("name", "column"), COLUMNS.items())
def test_a_figure_says_which_column_it_needs(name, column):
    axes = drawn(lists(x=[0.1, 0.2]), name)
    assert len(axes) == 1
    assert column in texts(axes)
    assert "which the results don't have" in texts(axes)
    assert not axes[0].has_data()


@pytest.mark.parametrize("name", [*AGREEMENT, "noise_of_training"])
def test_results_are_read_as_they_are(name):
    frame = results(
        *((net, dataset, f"{net}{dataset}{run}", 1, score + run / 100, np.nan, "norm_32")
          for at, net in enumerate("ABCDE") for run in range(2)
          for dataset, score in (("x", at / 10), ("y", at / 9)))
    )  # fmt: skip
    options = {"least": 2} if name == "noise_of_training" else {}
    assert drawn(frame, name, at_epoch=1, **options)[0].has_data()
    frame["metric"] = ["acc", "iou"] * 10
    with pytest.raises(SettingsError, match="several metrics: acc, iou"):
        drawn(frame, name)


def test_best_nets_are_orange_and_worst_are_red():
    frame = lists(x=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], y=[0.9, 0.1, 0.5, 0.4, 0.8, np.nan])
    (ax,) = drawn(frame, "error_scatter", reference="x", extremes=1)
    points = {artist.get_label(): artist for artist in ax.collections}
    assert points["1 best here"].get_offsets().tolist() == [[0.2, 0.1]]
    assert same_color(points["1 best here"].get_facecolor()[0][:3], "#de8f05")
    assert points["1 worst here"].get_offsets().tolist() == [[0.1, 0.9]]
    assert same_color(points["1 worst here"].get_facecolor()[0][:3], "#b00020")
    assert len(points["other nets"].get_offsets()) == 3
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("error on x", "error on y")
    # For the ranks 1 2 3 4 5 and 5 1 3 2 4: 1 - 6 * (16 + 1 + 0 + 4 + 1) / (125 - 5).
    assert ax.get_title("left").startswith("y: rho = -0.10")
    assert ax.get_title("left").endswith("n = 5")


def test_relative_errors_are_relative_to_the_lowest():
    frame = lists(x=[0.1, 0.2, 0.3], y=[0.4, 0.2, 0.3])
    (ax,) = drawn(frame, "error_scatter", reference="x", relative=True, extremes=0)
    offsets = ax.collections[0].get_offsets()
    np.testing.assert_allclose(offsets[offsets[:, 0].argsort()], [[1, 2], [2, 1], [3, 1.5]])


def test_the_matrix_has_the_correlation_of_each_pair_and_n():
    frame = lists(x=[0.1, 0.2, 0.3, 0.4], y=[0.1, 0.3, 0.2, 0.4], z=[0.4, 0.3, 0.2, np.nan])
    (ax,) = drawn(frame, "rank_agreement")
    values = ax.collections[0].get_array().reshape(2, 2)
    # Rows y and z, columns x and y. Three nets have both y and z, with ranks 1 3 2 and 3 2 1.
    np.testing.assert_allclose(values.compressed(), [0.8, -1, -0.5])
    assert [text.get_text().splitlines()[0] for text in ax.texts] == ["0.80", "-1.00", "-0.50"]
    assert [text.get_text().splitlines()[-1] for text in ax.texts] == ["n = 4", "n = 3", "n = 3"]


def test_a_matrix_of_many_datasets_has_no_texts():
    (ax,) = drawn(lists(**{f"d{at}": [0.1, at, 0.3, 0.2] for at in range(15)}), "rank_agreement")
    assert not ax.texts


def test_all_pairs_are_scattered():
    frame = lists(x=[0.1, 0.2, 0.3], y=[0.1, 0.3, 0.2], z=[0.4, 0.3, 0.2])
    axes = rep.scatter_matrix(frame)
    assert axes.shape == (3, 3)
    np.testing.assert_allclose(
        axes[2, 1].collections[0].get_offsets(), [[0.1, 0.4], [0.3, 0.3], [0.2, 0.2]]
    )
    assert axes[1, 2].texts[0].get_text() == "rho = -0.50\nn = 3"
    with pytest.raises(SettingsError, match="3 datasets need 9 axes, but ax has 1"):
        rep.scatter_matrix(frame, plt.subplots()[1])
    many = lists(**{f"d{at}": [0.1, 0.2] for at in range(17)})
    with pytest.raises(SettingsError, match="17 datasets exceed the maximum of a scatterplot"):
        rep.scatter_matrix(many)


def test_correlations_are_drawn_with_their_ceilings():
    frame = lists(x=[0.1, 0.2, 0.3, 0.4, 0.5], y=[0.1, 0.3, 0.2, 0.4, 0.5])
    (ax,) = drawn(concat([frame, frame]), "rank_transfer", reference="x")
    ceiling, value = (ax.collections[at].get_offsets().tolist() for at in (0, 2))
    # Each run is repeated exactly, so the ceiling is 1.
    assert ceiling == [[pytest.approx(1), 0]]
    assert value == [[pytest.approx(0.9), 0]]
    assert ax.get_yticklabels()[0].get_text() == "y (n=5)"


def test_sub_populations_have_their_sizes():
    frame = population(
        {"x": {"a": 0.1, "b": 0.2, "c": 0.4}},
        width_1={"a": 8, "b": 8, "c": 16},
        width_2={"a": 8, "b": 16, "c": 8},
    )
    (ax,) = drawn(frame, "error_ecdf")
    assert names(ax) == ["all nets (n=3)", "width ascends, >= (n=2)"]
    # The steps of the curve: 0, a half at 0.1, and all at 0.2.
    np.testing.assert_allclose(ax.lines[1].get_xydata()[1:], [[0.1, 0.5], [0.2, 1]])
    (ax,) = drawn(frame, "error_ecdf", strict=True)
    assert names(ax) == ["all nets (n=3)", "width ascends, > (n=1)"]


def names(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_longer_training_colours_the_best_after_the_shortest():
    first = lists(x=[0.5, 0.6, 0.7]).assign(epochs=1)
    later = lists(x=[0.4, 0.3, 0.2]).assign(epochs=5)
    (ax,) = drawn(concat([first, later], ignore_index=True), "longer_training")
    lines = [line.get_xydata().tolist() for line in ax.lines[:3]]
    assert lines == [[[1, 0.5], [5, 0.4]], [[1, 0.6], [5, 0.3]], [[1, 0.7], [5, 0.2]]]
    assert same_color(ax.lines[0].get_color(), "#de8f05")
    assert same_color(ax.lines[2].get_color(), "#b00020")
    assert ax.get_title("left") == "x: rho = -1.00, n = 3"
    (ax,) = drawn(first, "longer_training")
    assert texts([ax]) == ("Longer training on x needs trainings of two lengths; all have 1 epochs")


def test_the_noise_of_training_needs_repeated_runs():
    frame = concat([lists(x=[0.1, 0.3])] * 2)
    (ax,) = drawn(frame, "noise_of_training")
    assert texts([ax]) == (
        "Training noise on x needs nets with 5 runs; the largest number of runs is 2"
    )
    (ax,) = drawn(frame, "noise_of_training", least=2)
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels == ["all nets, mean of each (n=2)", "n0 (n=2)", "n1 (n=2)"]


def test_the_mean_gain_of_a_condition_is_shown():
    frame = lists(x=[0.5, 0.6, 0.7])
    after = frame.assign(error=[0.4, 0.4, 0.4], pretrained=True)
    both = concat([frame.assign(pretrained=False), after], ignore_index=True)
    (ax,) = drawn(both, "pretraining_gain")
    assert ax.collections[0].get_offsets().tolist() == [[0.5, 0.4], [0.6, 0.4], [0.7, 0.4]]
    # 0.1, 0.2 and 0.3.
    assert "mean gain 0.200, standard deviation 0.100" in ax.get_xlabel()


def test_the_correlation_with_complexities_keeps_the_order_of_datasets():
    frame = study(datasets=("thousand", "hundred", "ten"))
    (ax,) = drawn(frame[frame["epochs"] == 1], "complexity_correlation")
    labels = [text.get_text() for text in ax.get_xticklabels()]
    assert labels == ["thousand\nn=12", "hundred\nn=12", "ten\nn=12"]


def test_the_line_of_a_stage_joins_medians():
    frame = population(
        {"x": {"a": 0.1, "b": 0.3, "c": 0.4, "d": 0.2}}, depth_1={"a": 1, "b": 1, "c": 2, "d": 2}
    )
    (ax,) = drawn(frame, "stage_scatter")
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[1, 0.2], [2, 0.3]])
    both = concat([frame, frame.assign(dataset="y")])
    with pytest.raises(SettingsError, match="several datasets, x, y; choose one with dataset="):
        rep.stage_scatter(both)
    with pytest.raises(SettingsError, match="no dataset 'z' in the results; they have x, y"):
        rep.stage_scatter(both, dataset="z")


def test_panels_of_stages_have_one_title_and_ticks_at_powers_of_two():
    groups = dict(zip("abcdef", (1, 2, 6, 10, 16, 18), strict=True))
    frame = population({"x": dict.fromkeys(groups, 0.1)}, group_1=groups)
    (ax,) = drawn(frame, "stage_scatter")
    assert ax.get_title("left") == "group, stage 1 (n=6)"
    assert ax.get_title("center") == ""
    assert [text.get_text() for text in ax.get_xticklabels()] == ["1", "2", "16"]


def test_a_logarithmic_axis_leaves_out_values_that_are_not_positive():
    frame = population({"x": {"a": 0.1, "b": 0.3}}, macs={"a": 0, "b": 10})
    (ax,) = drawn(frame, "error_against", complexity="macs", log=True)
    assert ax.collections[0].get_offsets().tolist() == [[10, 0.3]]


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("error_scatter", {"reference": "z"}, "no dataset 'z' in the results; they have x, y"),
        ("rank_transfer", {"reference": "z"}, "no dataset 'z' in the results; they have x, y"),
        ("error_scatter", {"extremes": -1}, "extremes is -1; expected a whole number from 0"),
        ("longer_training", {"extremes": -1}, "extremes is -1; expected a whole number from 0"),
        ("rank_agreement", {"method": "r"}, "method is 'r'; expected spearman, kendall, pearson"),
    ],
)
def test_unknown_options_are_refused(name, options, text):
    with pytest.raises(SettingsError) as error:
        drawn(of_figure(study(), name), name, **options)
    assert str(error.value) == text


@pytest.mark.parametrize("name", AGREEMENT)
def test_figures_of_agreement_are_registered(name):
    figure = installed().get("figure", name.replace("_", "-")).load()
    assert figure is getattr(rep, name)


def test_panels_of_a_row_have_the_same_limits_although_a_net_is_missing():
    errors = {
        "a": {"s": 0.1, "t": 0.2, "u": 0.3, "v": 0.9},
        "b": {"s": 0.3, "t": 0.1, "u": 0.2},
        "c": {"s": 0.2, "t": 0.3, "u": 0.1, "v": 0.8},
    }
    grid = rep.scatter_matrix(population(errors))
    first, second = grid[2, :2]
    assert first.get_ylim() == second.get_ylim() == pytest.approx((0.065, 0.835))
    assert not second.yaxis.get_tick_params()["labelleft"]
