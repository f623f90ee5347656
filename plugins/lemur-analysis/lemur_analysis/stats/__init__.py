"""Statistics: functions that take a frame of results and return DataFrames.

    import lemur_core
    from lemur_analysis import stats

    lemur_core.data(dataset="cifar-10").pipe(stats.summary)

A frame is the result of `lemur_core.data`, or any DataFrame with the columns that a function reads.
Scores of different tasks or metrics are never averaged; scores of different datasets only if the
documentation of a function says so. NaN and infinite scores and times count as missing.
"""

from lemur_analysis.stats.blocks import Blocks, complete_blocks
from lemur_analysis.stats.checks import CHANCE, anomalies
from lemur_analysis.stats.correlations import correlation, mean_std, mean_std_correlation
from lemur_analysis.stats.estimates import interval_estimates, probability_of_improvement
from lemur_analysis.stats.fronts import pareto_front
from lemur_analysis.stats.hyperparameters import importance, runs_with_hyperparameters
from lemur_analysis.stats.predictions import calibration, predictions
from lemur_analysis.stats.profiles import performance_profile
from lemur_analysis.stats.ranks import (
    average_ranks,
    critical_difference,
    pairwise_tests,
    rank_test,
    smallest_wilcoxon,
)
from lemur_analysis.stats.summaries import best, nets, overview, summary

__all__ = [
    "CHANCE",
    "Blocks",
    "anomalies",
    "average_ranks",
    "best",
    "calibration",
    "complete_blocks",
    "correlation",
    "critical_difference",
    "importance",
    "interval_estimates",
    "mean_std",
    "mean_std_correlation",
    "nets",
    "overview",
    "pairwise_tests",
    "pareto_front",
    "performance_profile",
    "predictions",
    "probability_of_improvement",
    "rank_test",
    "runs_with_hyperparameters",
    "smallest_wilcoxon",
    "summary",
]
