"""Contract tests of figures, which `lemur_core.testing.PluginContract` runs for each of a plugin.

They need pytest, as those of other kinds do, and no display.
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
    """Return results as `lemur_core.data` does: of one dataset and three nets, two trials each."""
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
    """A figure draws any results on axes, and changes nothing else."""

    def figure_frame(self, figure: Entry) -> DataFrame:
        """Return results that a figure can draw; override it for one that needs others.

        They are those of `sample_frame`. A column that the figure says it needs and that is not
        among them holds 1, 2, 3, and so on.
        """
        frame = sample_frame()
        needs = getattr(figure.load(), "needs", ())
        further = [name for name in needs if name not in frame.columns]
        return frame.assign(**{name: range(1, len(frame) + 1) for name in further})

    def test_figure_needs_nothing_but_results(self, figure: Entry) -> None:
        """Its target can be called, and each option has a default."""
        options_of("figure", figure.load(), figure.name)

    def test_figure_draws_results(self, figure: Entry) -> None:
        """It returns axes, without a warning, and changes neither frame nor rcParams."""
        import matplotlib
        import pandas as pd

        matplotlib.use("agg")
        frame = self.figure_frame(figure)
        before, settings = frame.copy(deep=True), dict(matplotlib.rcParams)
        with _drawn(figure, frame) as axes:
            axes[0].figure.draw_without_rendering()
        pd.testing.assert_frame_equal(frame, before)
        assert dict(matplotlib.rcParams) == settings, (
            f"figure {figure.name!r}: it sets matplotlib's rcParams"
        )

    def test_figure_draws_on_axes_that_are_given(self, figure: Entry) -> None:
        """It takes ``ax``, and returns what was given."""
        from matplotlib import pyplot as plt

        frame = self.figure_frame(figure)
        with _drawn(figure, frame) as axes:
            count = len(axes)
            # Those of a figure in perspective are three-dimensional.
            like = {"projection": axes[0].name}
        made = plt.figure().subplots(count, squeeze=False, subplot_kw=like).ravel()
        with _drawn(figure, frame, ax=made[0] if count == 1 else made) as axes:
            assert list(axes) == list(made), (
                f"figure {figure.name!r}: it did not return the axes that it was given"
            )

    def test_figure_copes_with_few_results(self, figure: Entry) -> None:
        """Of no results, of one, and of results without a score, it says what is missing."""
        frame = self.figure_frame(figure)
        for few in (frame.iloc[:0], frame.iloc[:1], frame.assign(accuracy=float("nan"))):
            with _drawn(figure, few):
                pass


@contextmanager
def _drawn(figure: Entry, frame: DataFrame, **options: Any) -> Iterator[Any]:
    """Draw a figure, give its axes, and close it; a warning is an error."""
    import matplotlib
    import numpy as np
    from matplotlib import pyplot as plt
    from matplotlib.axes import Axes

    matplotlib.use("agg")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            drawn = figure.load()(frame, **options)
            axes = np.atleast_1d(np.asarray(drawn, dtype=object)).ravel()
            assert len(axes), f"figure {figure.name!r}: it returned no axes"
            for one in axes:
                assert isinstance(one, Axes), (
                    f"figure {figure.name!r}: it returned {one!r}; expected matplotlib's axes"
                )
            yield axes
    finally:
        plt.close("all")
