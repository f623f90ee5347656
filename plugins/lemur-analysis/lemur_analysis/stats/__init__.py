"""Statistics: functions of a frame of results that return DataFrames.

    import lemur_core
    from lemur_analysis import stats

    lemur_core.data(dataset="cifar-10").pipe(stats.summary)

A frame is what `lemur_core.data` returns, or any with the columns that a statistic reads. Scores
of different tasks and metrics are never averaged together, and those of different data sets only
where a statistic says so. A score or time that is NaN or infinite counts as missing.
"""

from lemur_analysis.stats.checks import CHANCE, anomalies
from lemur_analysis.stats.correlations import correlation, mean_std, mean_std_correlation
from lemur_analysis.stats.summaries import best, overview, summary

__all__ = [
    "CHANCE",
    "anomalies",
    "best",
    "correlation",
    "mean_std",
    "mean_std_correlation",
    "overview",
    "summary",
]
