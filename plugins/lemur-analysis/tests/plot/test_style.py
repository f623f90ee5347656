import math

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from lemur_analysis.plot.fonts import drawable, set_fonts
from lemur_analysis.plot.style import MOST_COLOURS, add_legend, label, rank_nets, styles_of


def frame_of(*rows):
    return pd.DataFrame(rows, columns=["dataset", "metric", "nn", "accuracy"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ResNet", "ResNet"),
        ("a\nb\t c", "a b c"),
        ("$x$", r"\$x\$"),
        ("_hidden", " _hidden"),
        ("bell\a", r"bell\x07"),
        ("\u202eabc", r"\u202eabc"),
        ("\ud800", r"\ud800"),
        ("Сеть é", "Сеть é"),
        (3, "3"),
    ],
)
def test_names_are_shown_on_one_line_as_they_are(text, shown):
    assert label(text) == shown


def test_a_character_that_no_font_has_is_escaped():
    # An unassigned code point, and a private one.
    assert drawable("a\U000e0fffb\ue000") == r"a\U000e0fffb\ue000"


def test_long_names_keep_their_beginning_and_end():
    shown = label("a" * 150 + "b" * 150)
    assert len(shown) == 40
    assert shown.startswith("aaa")
    assert shown.endswith("bbb")


@pytest.mark.parametrize(
    "name", ["网络", "$x", "_x", "a\x00b", "n" * 300, "שלום", "🙂", "$\\frac{"]
)
def test_any_name_is_drawn_without_a_warning(name):
    from lemur_analysis import plot

    frame = pd.DataFrame({"nn": [name] * 2, "epoch": [1, 2], "accuracy": [0.1, 0.2]})
    frame = frame.assign(task=name, dataset=name, metric=name)
    ax = plot.rolling_mean(frame)
    ax.figure.draw_without_rendering()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [label(name, 26)]


def test_nets_are_ranked_within_each_dataset_and_metric():
    # a is first and second of 2, b second and first, c is alone, and d has no score.
    frame = frame_of(
        ("x", "acc", "a", 0.9), ("x", "acc", "b", 0.8),
        ("y", "iou", "b", 0.2), ("y", "iou", "a", 0.1), ("y", "iou", "e", 0.3),
        ("z", "acc", "c", 0.1), ("x", "acc", "d", math.nan),
    )  # fmt: skip
    # Ranks of 2 nets: .25, .75; of 3: 1/6, 1/2, 5/6; of a single net: .5.
    # a: (.25 + 5/6) / 2 = .54; b: (.75 + .5) / 2 = .63; c: .5; e: 1/6.
    assert rank_nets(frame) == ["e", "c", "a", "b", "d"]


def test_infinite_scores_and_missing_names_do_not_count():
    frame = frame_of(("x", "acc", "a", math.inf), ("x", "acc", "b", 0.1), ("x", "acc", None, 1.0))
    assert rank_nets(frame) == ["b", "a"]


def test_nets_of_a_frame_without_scores_are_ranked_by_name():
    assert rank_nets(pd.DataFrame({"nn": ["b", "a", "b"]})) == ["a", "b"]
    assert rank_nets(frame_of()) == []


def test_ten_nets_have_colours_and_differ_in_black_and_white():
    frame = frame_of(*(("x", "acc", f"net{rank:02}", 1 - rank / 100) for rank in range(60)))
    styles = styles_of(frame)
    coloured = [style for style in styles.values() if style.has_colour]
    assert len(coloured) == MOST_COLOURS
    assert len({style.color for style in coloured}) == MOST_COLOURS
    assert len({style.marker for style in coloured}) == MOST_COLOURS
    assert list(styles)[:2] == ["net00", "net01"]


def test_nets_beyond_the_tenth_are_one_entry_of_the_legend():
    frame = frame_of(*(("x", "acc", f"net{rank:02}", 1 - rank / 100) for rank in range(28)))
    _, ax = plt.subplots()
    add_legend(ax, styles_of(frame), set(frame["nn"]))
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts[-1] == "18 further nets"
    assert len(texts) == 11


def test_datasets_are_styled_by_their_number_of_records():
    frame = frame_of(("b", "acc", "n", 0.1), ("a", "acc", "n", 0.1), ("b", "acc", "n", 0.1))
    assert list(styles_of(frame, "dataset")) == ["b", "a"]


def test_all_texts_of_a_figure_get_fonts():
    drawn, ax = plt.subplots()
    texts = [drawn.suptitle("é"), ax.set_title("é"), ax.set_xlabel("plain")]
    set_fonts(drawn)
    assert ["DejaVu Sans" in text.get_fontfamily() for text in texts] == [True, True, False]
