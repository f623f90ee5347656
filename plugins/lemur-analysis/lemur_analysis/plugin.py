"""What lemur-analysis registers. Nothing here imports pandas or matplotlib."""

from lemur_core import Entry, Kind, hookimpl


@hookimpl
def lemur_register_kinds():
    return [
        Kind(
            "figure",
            "lemur_register_figures",
            "lemur_analysis.plot.figure",
            "A figure of results",
            details="lemur_analysis.plot.figure:details",
            rules="lemur_analysis.testing:FigureRules",
        )
    ]


@hookimpl
def lemur_register_figures():
    return [
        Entry(name, f"lemur_analysis.plot.{target}", summary=summary)
        for name, target, summary in (
            ("score-time", "scatter:score_time", "Score against time, by net"),
            (
                "score-time-by-task",
                "scatter:score_time_by_task",
                "Score against time, by data set",
            ),
            ("score-epoch", "scatter:score_epoch", "Score against epoch, by net"),
            (
                "score-epoch-by-task",
                "scatter:score_epoch_by_task",
                "Score against epoch, by data set",
            ),
            (
                "mean-std",
                "bands:mean_std",
                "Mean and standard deviation of each net's score by epoch",
            ),
            ("histogram", "histogram:histogram", "How many records have which score"),
            ("box", "boxes:box", "Boxes of the scores at each epoch"),
            (
                "box-by-task",
                "boxes:box_by_task",
                "Boxes of the scores at each epoch, the data sets of a task pooled",
            ),
            (
                "first-epoch-duration",
                "durations:first_epoch_duration",
                "How long the first epoch took, by net",
            ),
            (
                "first-epoch-duration-by-task",
                "durations:first_epoch_duration_by_task",
                "How long the first epoch took, by data set",
            ),
            (
                "rolling-mean",
                "rolling:rolling_mean",
                "Score of each net by epoch, averaged over a window of epochs",
            ),
            ("lines-time", "lines:lines_time", "Score against time, a line for each trial or net"),
            (
                "mean-std-correlation",
                "spread:mean_std_correlation",
                "How mean and standard deviation of scores correlate",
            ),
            (
                "learning-curves",
                "bands:learning_curves",
                "Median and quartiles of each net's score by epoch, or a line for each trial",
            ),
        )
    ]


@hookimpl
def lemur_register_commands():
    return [Entry("plot", "lemur_analysis.cli.plot:plot", summary="Draw figures of results.")]
