"""Figures: functions that draw a frame of results and return matplotlib axes.

    import lemur_core
    from lemur_analysis import plot

    lemur_core.data(dataset="cifar-10").pipe(plot.rolling_mean, window=3)

Each function accepts ``ax``, the axes to draw on. Scores of different tasks, datasets or metrics
are not drawn in one panel: if a frame contains several of them, each has its own panel, and the
function returns an array of axes. A figure that combines datasets has a name ending in
``_by_task``, or says so in its panels. `lemur_analysis.plot.figure` describes how to write a
figure.
"""

from lemur_analysis.plot.bands import learning_curves, mean_std
from lemur_analysis.plot.boxes import box, box_by_task
from lemur_analysis.plot.durations import first_epoch_duration, first_epoch_duration_by_task
from lemur_analysis.plot.estimates import intervals, performance_profile
from lemur_analysis.plot.fronts import pareto
from lemur_analysis.plot.histogram import histogram
from lemur_analysis.plot.hyperparameters import importance, parallel_coordinates
from lemur_analysis.plot.lines import lines_time
from lemur_analysis.plot.predictions import calibration
from lemur_analysis.plot.ranks import critical_difference
from lemur_analysis.plot.rolling import rolling_mean
from lemur_analysis.plot.scatter import (
    score_epoch,
    score_epoch_by_task,
    score_time,
    score_time_by_task,
)
from lemur_analysis.plot.spread import mean_std_correlation

__all__ = [
    "box",
    "box_by_task",
    "calibration",
    "critical_difference",
    "first_epoch_duration",
    "first_epoch_duration_by_task",
    "histogram",
    "importance",
    "intervals",
    "learning_curves",
    "lines_time",
    "mean_std",
    "mean_std_correlation",
    "parallel_coordinates",
    "pareto",
    "performance_profile",
    "rolling_mean",
    "score_epoch",
    "score_epoch_by_task",
    "score_time",
    "score_time_by_task",
]
