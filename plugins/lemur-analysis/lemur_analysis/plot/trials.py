"""Pictures of the views: learning curves of trials, and scores against a hyperparameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_analysis.chart.axes import needs_log
from lemur_analysis.plot.fonts import set_fonts
from lemur_analysis.plot.notes import add_note, set_title
from lemur_analysis.plot.panels import axes_for
from lemur_analysis.plot.scales import epoch_axis
from lemur_analysis.plot.style import add_legend, draw_curve, label, style_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lemur_analysis.views.curves import CurveChart
    from lemur_analysis.views.scores import ScoreChart

# Of a panel's width, with the legend beside it.
_LONGEST_TITLE = 52


def curves_figure(charts: Sequence[CurveChart]) -> Figure:
    """Draw learning curves, with a panel for each chart; the ten best curves have colours.

    Raises:
        SettingsError: There are more charts than a figure can have panels.
    """
    return _figure(charts, _draw_curves)


def scores_figure(charts: Sequence[ScoreChart]) -> Figure:
    """Draw scores against a hyperparameter, with a panel for each chart.

    Raises:
        SettingsError: There are more charts than a figure can have panels.
    """
    rows = [2 * len(chart.categories) for chart in charts]
    return _figure(charts, _draw_scores, rows)


def _figure(charts: Sequence[Any], draw: Callable[..., None], rows: Sequence[int] = ()) -> Figure:
    import matplotlib

    matplotlib.use("agg")
    titles = [label(chart.title, _LONGEST_TITLE) for chart in charts]
    axes = axes_for(None, titles, rows or [0] * len(charts))
    for ax, chart, title in zip(axes, charts, titles, strict=True):
        draw(ax, chart)
        set_title(ax, title)
        set_fonts(ax)
    figure: Figure = axes[0].figure
    return figure


def _draw_curves(ax: Axes, chart: CurveChart) -> None:
    curves = [curve for curve in chart.curves if curve.present]
    styles = {curve.name: style_at(rank) for rank, curve in enumerate(curves)}
    for curve in reversed(curves):
        draw_curve(ax, curve.epochs, curve.values, styles[curve.name])
        if len(curve.present) == 1:
            # A line through one value is invisible.
            ax.plot(*curve.present[0], color=styles[curve.name].color, **styles[curve.name].points)
    epoch_axis(ax)
    ax.set_ylabel(label(chart.label))
    if needs_log([value for curve in curves for _, value in curve.present]):
        ax.set_yscale("log")
    add_legend(ax, styles, list(styles), title=chart.of)
    if len(curves) < len(chart.curves):
        add_note(ax, f"without a value: {len(chart.curves) - len(curves)}")


def _draw_scores(ax: Axes, chart: ScoreChart) -> None:
    places = {name: number for number, name in enumerate(chart.categories)}
    styles = {scores.net: style_at(rank) for rank, scores in enumerate(chart.nets)}
    for scores in reversed(chart.nets):
        values = [places.get(value, value) for value, _ in scores.points]
        heights = [score for _, score in scores.points]
        pair = (heights, values) if places else (values, heights)
        style = styles[scores.net]
        ax.plot(*pair, linestyle="", color=style.color, alpha=0.75, **style.points)
    name = label(chart.x)
    if places:
        ax.set_yticks(range(len(places)), [label(name, 30) for name in places], fontsize="small")
        ax.set_ylim(len(places) - 0.5, -0.5)
        ax.set(xlabel=label(chart.label), ylabel=name)
        if needs_log([score for _, score in chart.points]):
            ax.set_xscale("log")
    else:
        ax.set(xlabel=name, ylabel=label(chart.label))
        if needs_log([value for value, _ in chart.points]):
            ax.set_xscale("log")
        else:
            # Long numbers such as 0.000275 would overlap.
            ax.ticklabel_format(axis="x", scilimits=(-3, 5))
        if needs_log([score for _, score in chart.points]):
            ax.set_yscale("log")
    add_legend(ax, styles, list(styles), shape="points")
    add_note(ax, f"n = {len(chart.points):,} trial{'' if len(chart.points) == 1 else 's'}")
    for count, what in ((chart.without, chart.x), (chart.unscored, chart.label)):
        if count:
            add_note(ax, f"{count:,} without {label(what)}")
