import inspect

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from lemur_analysis import plot
from lemur_analysis.plot.figure import complete, figure, missing_of, note_of
from lemur_analysis.plot.notes import NothingToDrawError, select_complete
from lemur_core.errors import SettingsError


@figure(needs=("accuracy",))
def scores(panel, *, marker: str = "o"):
    """Draw the scores."""
    frame = complete(panel.ax, panel.frame, "accuracy")
    panel.ax.plot(frame["accuracy"].to_numpy(), marker)


def test_each_task_dataset_and_metric_has_a_panel(records):
    axes = scores(records)
    assert [ax.get_title("left") for ax in axes] == [
        "img-classification, cifar-10, acc",
        "img-classification, mnist, acc",
    ]
    assert [len(ax.lines[0].get_ydata()) for ax in axes] == [24, 24]


def test_given_axes_are_drawn_on(records):
    _, ax = plt.subplots()
    assert scores(records.query("dataset == 'mnist'"), ax=ax) is ax
    _, two = plt.subplots(2)
    assert list(scores(records, two)) == list(two)


def test_too_few_axes_are_an_error_that_names_the_panels(records):
    _, ax = plt.subplots()
    with pytest.raises(SettingsError) as caught:
        scores(records, ax)
    assert str(caught.value) == (
        "2 panels (img-classification, cifar-10, acc; img-classification, mnist, acc) need as many "
        "axes, but ax has 1; select the results of one panel, or omit ax"
    )


def test_more_panels_than_a_figure_holds_are_an_error():
    frame = pd.DataFrame({"dataset": [f"d{number:02}" for number in range(41)], "accuracy": 0.5})
    with pytest.raises(SettingsError, match=r"41 panels \(d00; .*; \.\.\.\) exceed the maximum"):
        scores(frame)


def test_pages_hold_the_panels_of_a_figure_in_order():
    frame = pd.DataFrame({"dataset": [f"d{number}" for number in range(5)], "accuracy": 0.5})
    assert [page.titles for page in scores.pages(frame, 2)] == [("d0", "d1"), ("d2", "d3"), ("d4",)]


def test_a_net_has_one_style_on_all_pages_of_a_task(records):
    worst_on_mnist = records["nn"].eq("VGG") & records["dataset"].eq("mnist")
    records.loc[worst_on_mnist, "accuracy"] = 0.0
    pages = list(plot.rolling_mean.pages(records, 1))
    colours = [
        dict(zip(
            [text.get_text() for text in page.axes[0].get_legend().get_texts()],
            [line.get_color() for line in page.axes[0].get_legend().get_lines()],
            strict=True,
        ))
        for page in pages
    ]  # fmt: skip
    assert colours[0] == colours[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda frame: frame.drop(columns="accuracy"),
            "the frame has no column 'accuracy'; it has ",
        ),
        (
            lambda frame: frame.assign(accuracy="high"),
            "column 'accuracy' holds 'high'; expected num",
        ),
        (lambda frame: frame.assign(accuracy="0.5"), "column 'accuracy' holds '0.5'; expected num"),
        (
            lambda frame: pd.concat([frame, frame[["accuracy"]]], axis=1),
            "the frame has several columns 'accuracy'; keep one",
        ),
    ],
)
def test_columns_that_cannot_be_read_are_an_error(records, change, message):
    with pytest.raises(SettingsError) as caught:
        scores(change(records))
    assert str(caught.value).startswith(message)


def test_a_frame_without_scores_says_so(records):
    assert missing_of(scores(records.iloc[:0])) == "no results"
    frame = records.query("dataset == 'mnist'")
    assert missing_of(scores(frame.assign(accuracy=np.nan))) == "none of 24 records has a score"
    assert missing_of(scores(frame.assign(accuracy=None))) == "none of 24 records has a score"
    assert missing_of(scores(frame.assign(accuracy=-np.inf))) == "none of 24 records has a score"


def test_records_that_are_left_out_are_counted_once(records):
    frame = records.query("dataset == 'mnist'").reset_index(drop=True).astype({"duration": float})
    frame.loc[0, "accuracy"] = np.nan
    frame.loc[4, "accuracy"] = np.nan  # Its duration is also missing.
    frame.loc[1, "duration"] = np.inf
    frame.loc[2, "duration"] = 0
    frame.loc[3, "duration"] = -5
    complete_records, missing_counts = select_complete(frame, "accuracy", "duration")
    assert missing_counts == {"score": 2, "duration": 14}
    assert len(complete_records) == 24 - 16


def test_the_note_says_how_many_records_are_drawn_and_left_out():
    _, ax = plt.subplots()
    frame = pd.DataFrame({"accuracy": [0.5] * 1234 + [None] * 45, "nn": "a"})
    complete(ax, frame, "accuracy")
    assert note_of(ax) == "n = 1,234; 45 without a score"
    with pytest.raises(NothingToDrawError, match="none of 45 records has a score"):
        complete(ax, frame.iloc[1234:], "accuracy")


def test_frames_and_the_settings_of_matplotlib_stay_as_they_are(records):
    before, settings = records.copy(deep=True), mpl.rcParams.copy()
    plot.rolling_mean(records)
    pd.testing.assert_frame_equal(records, before)
    assert mpl.rcParams == settings


def test_a_frame_without_cells_is_one_panel(records):
    frame = records[["nn", "epoch", "accuracy"]]
    assert plot.rolling_mean(frame).get_title("left") == ""


def test_columns_of_panels_can_depend_on_options(records):
    @figure(needs=("accuracy",), panels=lambda options: ("nn",) if options["apart"] else ())
    def any_way(panel, *, apart: bool = True):
        panel.ax.plot(panel.frame["accuracy"].to_numpy())

    assert len(any_way(records)) == 3
    assert any_way(records, apart=False).lines


def test_a_figure_has_the_options_of_the_function_that_draws_a_panel():
    assert list(inspect.signature(scores).parameters) == ["frame", "ax", "marker"]
    assert scores.__doc__ == "Draw the scores."


def test_a_legend_covers_no_data(records):
    axes = plot.rolling_mean(records)
    axes[0].figure.draw_without_rendering()
    for ax in axes:
        assert ax.get_legend().get_window_extent().x0 >= ax.get_window_extent().x1
        assert ax.get_window_extent().width > 0.5 * 100 * 5.2
