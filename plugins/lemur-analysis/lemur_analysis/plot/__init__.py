"""Figures: functions of a frame of results that return matplotlib axes.

    import lemur_core
    from lemur_analysis import plot

    lemur_core.data(dataset="cifar-10").pipe(plot.rolling_mean, window=3)

Each takes ``ax``, the axes to draw on. Scores of different metrics, data sets or tasks are never
drawn in one panel: a frame with several makes a panel of each, and the function returns an array of
axes. `lemur_analysis.plot.figure` says how they are made.
"""

from lemur_analysis.plot.estimates import intervals, performance_profile
from lemur_analysis.plot.fronts import pareto
from lemur_analysis.plot.hyperparameters import importance, parallel_coordinates
from lemur_analysis.plot.predictions import calibration
from lemur_analysis.plot.ranks import critical_difference
from lemur_analysis.plot.rolling import rolling_mean

__all__ = [
    "calibration",
    "critical_difference",
    "importance",
    "intervals",
    "parallel_coordinates",
    "pareto",
    "performance_profile",
    "rolling_mean",
]
