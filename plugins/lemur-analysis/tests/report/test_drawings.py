import re
from functools import partial

import pytest
from matplotlib import pyplot as plt

from lemur_analysis.plot.figure import NothingToDrawError, figure
from lemur_analysis.report import drawings, processes
from lemur_analysis.report.drawings import Figures
from lemur_core.errors import UnknownNameError


@figure(needs=("nn", "accuracy"))
def per_dataset(panel):
    panel.ax.plot(panel.frame["accuracy"])


@figure(needs=("nn", "accuracy"), panels=("task",))
def per_task(panel):
    panel.ax.plot(panel.frame["accuracy"])


@figure(needs=("accuracy",), panels=lambda options: [options["by"]])
def by_option(panel, *, by="dataset"):
    panel.ax.plot(panel.frame["accuracy"])


@figure(needs=("parameters",))
def lacking(panel):
    raise AssertionError


@figure(needs=())
def empty(panel):
    raise NothingToDrawError("no durations")


def broken(frame, ax=None):
    plt.figure()
    raise ValueError("of a stranger\nwho says more")


def names(drawn):
    return [one.name for one in drawn]


def test_each_figure_is_drawn_where_it_belongs(results, records, figures):
    figures(per_dataset=per_dataset, per_task=per_task, by_option=by_option)
    asked, frame = results(None), records({"A": [0.5, 0.6]})
    drawn = Figures(asked)
    drawn.expect(1)
    assert names(drawn.of_all(frame, lambda figure: None)) == ["per_task"]
    of_section = drawn.of_section(frame, "digits", lambda figure: len(figure.axes))
    assert names(of_section) == ["by_option", "per_dataset"]
    assert of_section[1].content == 1
    assert of_section[1].caption == "The per_dataset: digits"
    assert asked.steps == [(1, 3), (2, 3), (3, 3)]


def test_a_figure_that_cannot_be_drawn_costs_one_line(results, records, figures):
    figures(broken=broken, empty=empty, lacking=lacking, per_task=per_task)
    asked = results(None)
    drawn, frame = Figures(asked), records({"A": [0.5]})
    assert names(drawn.of_all(frame, lambda figure: None)) == ["per_task"]
    assert drawn.of_section(frame, "digits", lambda figure: None) == []
    failed = "ValueError: of a stranger"
    assert asked.said == [f"figure 'broken' of all results failed and is left out: {failed}"]
    assert drawn.notes[:2] == [
        f"no broken of all results: it failed with {failed}",
        "no empty of digits: no durations",
    ]
    assert drawn.notes[2].startswith("no lacking of digits: the frame has no column 'parameters'")
    assert plt.get_fignums() == []


def test_figures_are_chosen_by_name(results):
    assert Figures(results(None), "none").of_all(None, None) == []
    with pytest.raises(UnknownNameError, match="unknown figure 'rolling'"):
        Figures(results(None), "rolling-mean+rolling")


@pytest.mark.parametrize("points", [drawings.MOST_POINTS // 3, drawings.MOST_POINTS // 3 + 1])
def test_marks_of_many_points_are_pixels(points):
    def scatter(frame):
        _, ax = plt.subplots()
        ax.scatter(range(points), range(points))
        ax.plot(range(points), range(points), marker="o")
        ax.plot(range(points), range(points))
        return ax

    with drawings.drawn(scatter, None) as figure:
        (ax,) = figure.axes
        are_pixels = 3 * points > drawings.MOST_POINTS
        marks = [*ax.collections, *ax.lines]
        assert [bool(one.get_rasterized()) for one in marks] == [are_pixels] * 3
        assert ("<image" in drawings.svg(figure, "a")) is are_pixels


def test_an_svg_can_stand_beside_others_on_a_page():
    def line(frame):
        _, ax = plt.subplots(layout="constrained")
        ax.plot([1, 2, 3], [0.5, 0.25, 1], marker="o")
        ax.set_title("<net> & 0.123456")
        return ax

    with drawings.drawn(line, None) as figure:
        one, other = (drawings.svg(figure, salt) for salt in "ab")
        assert drawings.png(figure).startswith(b"\x89PNG")
    ids = [set(re.findall(r'id="([^"]*)"', text)) for text in (one, other)]
    assert ids[0]
    assert not ids[0] & ids[1]
    # What refers to an id refers to one that is there.
    assert set(re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', one)) <= {
        pair for name in ids[0] for pair in ((name, ""), ("", name))
    }
    assert one.startswith("<svg")
    assert "<?xml" not in one
    # Texts are texts, as they were.
    assert "&lt;net&gt; &amp; 0.123456" in one


def test_many_figures_are_drawn_by_processes_the_same(results, records, figures, monkeypatch):
    frame = records({"A": [0.5, 0.6], "B": [0.4, 0.7]})
    parts = [processes.Part(frame), processes.Part(frame, "one"), processes.Part(frame, "two")]
    drawn, asked = [], []
    # Once here, once in other processes, which know the installed figures.
    for many in (1_000, 1):
        monkeypatch.setattr(processes, "_MANY", many)
        asked.append(results(None))
        chosen = Figures(asked[-1], "rolling-mean+importance")
        chosen.expect(2)
        drawn.append([processes.draw_parts(chosen, parts, ["svg", "png"]), chosen.notes])
    assert drawn[0] == drawn[1]
    assert [names(part) for part in drawn[0][0]] == [[], ["rolling-mean"], ["rolling-mean"]]


def test_files_written_by_processes_are_the_same_and_fail_the_same(tmp_path, monkeypatch):
    calls = [partial(sum, [1, 2]), partial(int, "3"), partial(str, "ü")]
    beside = [*calls, partial((tmp_path / "none" / "page.html").write_text, "")]
    for many in (1_000, 1):
        monkeypatch.setattr(processes, "_MANY", many)
        assert processes.call_all(calls, figures=2) == [3, 3, "ü"]
        with pytest.raises(FileNotFoundError, match=r"page\.html"):
            processes.call_all(beside, figures=2)
