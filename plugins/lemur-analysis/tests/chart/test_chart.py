"""Charts of plain text: axes, and where curves are drawn."""

import sys
from types import SimpleNamespace

import pytest

from lemur_analysis.chart.axes import category_axis, needs_log, number_axis
from lemur_analysis.chart.canvas import MarkedPoints, chart

X, Y = number_axis([1, 11], whole=True), number_axis([0.0, 1.0])


def rows_of(lines):
    """Return the lines between the axes, without labels."""
    return [
        line[line.index("│" if "│" in line else "┤") + 1 :] for line in lines if "└" not in line
    ]


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0.123, 0.987], ["0.2", "0.4", "0.6", "0.8"]),
        ([0.9312, 0.9333], ["0.9315", "0.9320", "0.9325", "0.9330"]),
        ([-3.0, 250.0], ["0", "50", "100", "150", "200", "250"]),
        ([0.5], ["0.5"]),
        ([0.0], ["0"]),
        ([1e-5, 1e-2], ["1e-05", "0.0001", "0.001", "0.01"]),
    ],
)
def test_ticks_are_round_numbers_within_the_values(values, labels):
    axis = number_axis(values)
    assert [label for _, label in axis.ticks] == labels
    assert all(0 <= axis.share(tick) <= 1 for tick, _ in axis.ticks)


def test_an_axis_is_logarithmic_beyond_two_decades_of_positive_numbers():
    assert [needs_log(v) for v in ([1, 100], [1, 101], [0, 1000], [-1, 1000], [])] == [
        False, True, False, False, False
    ]  # fmt: skip
    assert number_axis([1, 1000]).share(10) == pytest.approx(1 / 3)
    assert not number_axis([1, 1000], whole=True).log


def test_epochs_have_whole_ticks():
    assert [label for _, label in number_axis([1, 2], whole=True).ticks] == ["1", "2"]
    assert [label for _, label in number_axis([7], whole=True).ticks] == ["7"]


def test_points_are_where_their_values_are():
    lines = chart(
        [MarkedPoints([(1, 0.0), (11, 1.0), (6, 0.5)], "o", joined=False)], X, Y, width=32, rows=5
    )
    drawn = rows_of(lines[:5])
    assert [(row, line.index("o")) for row, line in enumerate(drawn) if "o" in line] == [
        (0, 26), (2, 13), (4, 0)
    ]  # fmt: skip
    assert all(len(line) <= 32 for line in lines)
    # The label 2 would touch 1.
    assert lines[-1].split() == ["1", "4", "6", "8", "10"]


def test_a_missing_value_is_a_gap_in_the_line():
    whole = [(1, 0.5), (4, 0.5), (8, 0.5), (11, 0.5)]
    gap = [*whole[:2], None, *whole[2:]]
    lines = (MarkedPoints(points, "o") for points in (whole, gap))
    full, split = ("".join(chart([line], X, Y, width=60, rows=5)) for line in lines)
    assert split.count("⠒") < full.count("⠒")
    assert split.count("o") == full.count("o") == 4


def test_categories_are_rows_from_the_top():
    axis = category_axis(["first", "second"])
    points = MarkedPoints([(0.0, 0.0), (1.0, -1.0)], "x", joined=False)
    lines = chart([points], Y, axis, width=30, rows=2)
    assert lines[0].startswith(" first ┤x")
    assert lines[1].startswith("second ┤")
    assert lines[1].endswith("x")


def test_without_unicode_everything_is_ascii(monkeypatch):
    monkeypatch.setattr(sys, "__stdout__", SimpleNamespace(encoding="ascii"))
    assert "".join(chart([MarkedPoints([(1, 0.0), (11, 1.0)], "o")], X, Y)).isascii()
