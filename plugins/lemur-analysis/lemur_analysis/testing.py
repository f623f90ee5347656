"""Contract tests that `lemur_core.testing.PluginContract` runs for each figure of a plugin.

They need pytest, but no display.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lemur_core.options import options_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pandas import DataFrame

    from lemur_core import Entry


def sample_frame() -> DataFrame:
    """Return results like those of `lemur_core.data`: one dataset, three nets, two trials each."""
    import pandas as pd

    rows = [
        {
            "task": "img-classification",
            "dataset": "cifar-10",
            "metric": "acc",
            "nn": net,
            "epoch": epoch,
            "accuracy": 0.1 * epoch + 0.05 * trial + 0.02 * number,
            "duration": 10**9 * epoch * (1 + number) * (1 + trial),
            "prm": {"lr": 0.1 / (1 + trial), "batch": 32 * (1 + number)},
            "validation": 0.1 * epoch + 0.04 * trial + 0.02 * number,
            "loss": 1.0 / epoch,
            "scores": None,
            "trial": f"{net}-{trial}",
            "state": "done",
            "predicted": None,
            "data": "cifar-10@00000000",
        }
        for number, net in enumerate(("AlexNet", "ResNet", "VGG"))
        for trial in (0, 1)
        for epoch in (1, 2, 3)
    ]
    frame = pd.DataFrame(rows)
    return frame.astype({"duration": "Int64", "predicted": "float64"})


class FigureRules:
    """Rules of figures: a figure draws any results on axes and has no side effects."""

    def figure_frame(self, figure: Entry) -> DataFrame:
        """Return results that a figure can draw; override this if a figure needs other results.

        The default is `sample_frame`. Columns that the figure declares as needed but that are
        missing there are added with the values 1, 2, 3 and so on.
        """
        frame = sample_frame()
        needs = getattr(figure.load(), "needs", ())
        missing = [name for name in needs if name not in frame.columns]
        return frame.assign(**{name: range(1, len(frame) + 1) for name in missing})

    def test_figure_needs_nothing_but_results(self, figure: Entry) -> None:
        """The target is callable with a frame, and each option has a default."""
        options_of("figure", figure.load(), figure.name)

    def test_figure_draws_results(self, figure: Entry) -> None:
        """The figure returns axes, gives no warning, and changes neither the frame nor rcParams."""
        import matplotlib
        import pandas as pd

        matplotlib.use("agg")
        frame = self.figure_frame(figure)
        before, settings = frame.copy(deep=True), dict(matplotlib.rcParams)
        with _draw_checked(figure, frame) as axes:
            axes[0].figure.draw_without_rendering()
        pd.testing.assert_frame_equal(frame, before)
        assert dict(matplotlib.rcParams) == settings, (
            f"figure {figure.name!r}: it sets matplotlib's rcParams"
        )

    def test_figure_draws_on_axes_that_are_given(self, figure: Entry) -> None:
        """The figure accepts ``ax`` and returns the axes it was given."""
        from matplotlib import pyplot as plt

        frame = self.figure_frame(figure)
        with _draw_checked(figure, frame) as axes:
            count = len(axes)
            # Some figures need three-dimensional axes.
            projection = {"projection": axes[0].name}
        given_axes = plt.figure().subplots(count, squeeze=False, subplot_kw=projection).ravel()
        with _draw_checked(figure, frame, ax=given_axes[0] if count == 1 else given_axes) as axes:
            assert list(axes) == list(given_axes), (
                f"figure {figure.name!r}: it did not return the axes that it was given"
            )

    def test_figure_copes_with_few_results(self, figure: Entry) -> None:
        """No results, a single result, and results without scores do not raise an error."""
        frame = self.figure_frame(figure)
        for few in (frame.iloc[:0], frame.iloc[:1], frame.assign(accuracy=float("nan"))):
            with _draw_checked(figure, few):
                pass


@contextmanager
def _draw_checked(figure: Entry, frame: DataFrame, **options: Any) -> Iterator[Any]:
    """Draw a figure, yield its axes, and close it; warnings are errors."""
    import matplotlib
    import numpy as np
    from matplotlib import pyplot as plt
    from matplotlib.axes import Axes

    matplotlib.use("agg")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = figure.load()(frame, **options)
            axes = np.atleast_1d(np.asarray(result, dtype=object)).ravel()
            assert len(axes), f"figure {figure.name!r}: it returned no axes"
            for ax in axes:
                assert isinstance(ax, Axes), (
                    f"figure {figure.name!r}: it returned {ax!r}; expected matplotlib's axes"
                )
            yield axes
    finally:
        plt.close("all")
